import { expect, test } from 'vitest'
import { LogBuffer } from './log-buffer'

function lines(buffer: LogBuffer): readonly string[] {
  return buffer.blocks.flatMap((block) => block.lines)
}

test('pieces become lines however they are cut', () => {
  const text = 'one\ntwo\r\nthree\n\nfive'
  for (let size = 1; size <= text.length; size++) {
    const buffer = new LogBuffer()
    for (let start = 0; start < text.length; start += size) buffer.append(text.slice(start, start + size))
    expect(lines(buffer), `pieces of ${size}`).toEqual(['one', 'two', 'three', '', 'five'])
  }
})

test('a carriage return begins the line again', () => {
  const buffer = new LogBuffer()
  buffer.append('10 %\r')
  expect(lines(buffer)).toEqual(['10 %'])
  buffer.append('50 %\r100 %\ndone')
  expect(lines(buffer)).toEqual(['100 %', 'done'])
})

test('the oldest lines go, in whole blocks, and are counted', () => {
  const buffer = new LogBuffer(1000)
  for (let index = 0; index < 5000; index++) buffer.append(`${index}\n`)
  expect(buffer.count).toBeLessThanOrEqual(1000)
  expect(buffer.count + buffer.dropped).toBe(5000)
  expect(lines(buffer).at(-1)).toBe('4999')
  expect(lines(buffer)[0]).toBe(String(buffer.dropped))
})

test('one piece larger than everything that is kept leaves its end', () => {
  const buffer = new LogBuffer(400)
  buffer.append(Array.from({ length: 3000 }, (_, index) => `${index}\n`).join(''))
  expect(lines(buffer).at(-1)).toBe('2999')
  expect(buffer.count).toBeLessThanOrEqual(400)
})

test('a full block keeps its identity and its very lines, so that it is not drawn again', () => {
  const buffer = new LogBuffer()
  for (let index = 0; index < 250; index++) buffer.append(`${index}\n`)
  const [before] = buffer.blocks
  buffer.append('more\n')
  const [after] = buffer.blocks
  expect(after).toBe(before)
})

test('an endless line is cut', () => {
  const buffer = new LogBuffer()
  buffer.append('x'.repeat(10_000))
  expect(lines(buffer).map((line) => line.length)).toEqual([4000, 4000, 2000])
})

test('clearing leaves nothing', () => {
  const buffer = new LogBuffer()
  expect(buffer.isEmpty).toBe(true)
  buffer.append('a\nb')
  buffer.clear()
  expect(buffer.isEmpty).toBe(true)
  expect(buffer.blocks).toEqual([])
})
