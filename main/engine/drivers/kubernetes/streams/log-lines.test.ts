import { describe, expect, it } from 'vitest'
import { LogLines } from './log-lines'

const at = (second: number, nanos: number) =>
  `2024-05-01T10:00:${String(second).padStart(2, '0')}.${String(nanos).padStart(9, '0')}Z`

/** A log as a server keeps it, and what it sends of it from a second on. */
const entries = Array.from({ length: 200 }, (_, n) => ({
  second: Math.floor(n / 40),
  line: `${at(Math.floor(n / 40), n % 7)} line ${n}\n`,
}))
const epoch = Date.parse('2024-05-01T10:00:00Z') / 1000
const sentFrom = (second: number) =>
  Buffer.from(
    entries
      .filter((entry) => epoch + entry.second >= second)
      .map((entry) => entry.line)
      .join(''),
  )
const all = Array.from({ length: 200 }, (_, n) => `line ${n}\n`).join('')

describe('LogLines', () => {
  it('takes the times off, however the bytes are cut', () => {
    for (const size of [1, 7, 50, 100_000]) {
      const lines = new LogLines()
      const whole = sentFrom(0)
      let seen = ''
      for (let from = 0; from < whole.length; from += size) {
        seen += lines.push(Buffer.from(whole.subarray(from, from + size)))?.toString() ?? ''
      }
      expect(seen).toBe(all)
    }
  })

  it('goes on without a line lost or doubled, wherever it was cut', () => {
    const whole = sentFrom(0)
    for (let cut = 0; cut < whole.length; cut += 13) {
      const lines = new LogLines()
      let seen = lines.push(Buffer.from(whole.subarray(0, cut)))?.toString() ?? ''
      lines.resume()
      seen += lines.push(sentFrom(lines.position?.second ?? 0))?.toString() ?? ''
      expect(seen).toBe(all)
    }
  })

  it('goes on twice, also when the first try brought nothing new', () => {
    const lines = new LogLines()
    let seen = lines.push(sentFrom(0).subarray(0, 3_000))?.toString() ?? ''
    for (let tries = 0; tries < 3; tries++) {
      lines.resume()
      seen += lines.push(sentFrom(lines.position?.second ?? 0).subarray(0, 500))?.toString() ?? ''
    }
    lines.resume()
    seen += lines.push(sentFrom(lines.position?.second ?? 0))?.toString() ?? ''
    expect(seen).toBe(all)
  })

  it('skips nothing new when the log was rotated away meanwhile', () => {
    const lines = new LogLines()
    lines.push(sentFrom(0))
    lines.resume()
    expect(lines.push(Buffer.from(`${at(30, 1)} new\n${at(30, 2)} newer\n`))?.toString()).toBe('new\nnewer\n')
  })

  it('gives long lines as they were, though older servers put a time before each part', () => {
    const part = 'y'.repeat(16_384)
    const lines = new LogLines()
    const sent = `${at(1, 1)} ${part}${at(1, 2)} ${part}${at(1, 3)} rest\n${at(1, 4)} ${part}${part}z\n`
    expect(lines.push(Buffer.from(sent))?.toString()).toBe(`${part}${part}rest\n${part}${part}z\n`)
  })

  it('keeps the last line without an end, words of the server, and other zones', () => {
    const lines = new LogLines()
    expect(lines.push(Buffer.from('failed to watch file\n'))?.toString()).toBe('failed to watch file\n')
    expect(lines.push(Buffer.from('2024-05-01T12:00:00.5+02:00 zone\n'))?.toString()).toBe('zone\n')
    expect(lines.position).toEqual({ second: epoch - 1, lines: 1 })
    expect(lines.push(Buffer.from(`${at(1, 1)} no end`))).toBeUndefined()
    expect(lines.finish()?.toString()).toBe('no end')
  })
})
