import { beforeEach, expect, it } from 'vitest'
import { RecentScreen } from './recent-screen'

const size = { columns: 80, rows: 24 }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const textOf = (data: Uint8Array) => Buffer.from(data).toString()

let shown: string
let tail: Uint8Array
let waiting: (() => void)[]
let recent: RecentScreen
/** The screen and what came after it, as text. */
const now = () => recent.screens?.map((screen) => `${textOf(screen.data)} ${screen.columns}x${screen.rows}`)
const taken: string[] = []
const take = () => recent.take((screen) => taken.push(textOf(screen.data)))
const parsed = () => {
  for (const callback of waiting.splice(0)) callback()
}

beforeEach(() => {
  shown = 'screen'
  tail = new Uint8Array(0)
  waiting = []
  taken.length = 0
  recent = new RecentScreen({
    whenParsed: (callback) => waiting.push(callback),
    snapshot: () => ({ data: shown, tail, ...size }),
  })
})

it('is there once the mirror has read what came before, and goes on with what comes after', () => {
  take()
  recent.add(bytes('one '))
  expect(now()).toBeUndefined()
  parsed()
  expect(taken).toEqual(['screen'])
  recent.add(bytes('two'))
  expect(now()).toEqual(['screen 80x24', 'one two 80x24'])
})

it('may end within a sequence', () => {
  tail = bytes('\x1b[3')
  take()
  parsed()
  recent.add(bytes('1m'))
  expect(now()).toEqual(['screen\x1b[3 80x24', '1m 80x24'])
})

it('gives to nobody what comes later', () => {
  take()
  parsed()
  recent.add(bytes('one'))
  const before = recent.screens
  recent.add(bytes('two'))
  expect(textOf(before?.[1].data ?? bytes(''))).toBe('one')
  expect(before?.[1].data.buffer.byteLength).toBe(3)
})

it('has the size of now, unless something was printed before that came', () => {
  recent.found({ data: bytes('left'), ...size }, { columns: 100, rows: 30 })
  expect(now()).toEqual(['left 80x24', ' 100x30'])
  recent.resized({ columns: 120, rows: 40 })
  recent.add(bytes('more'))
  expect(now()).toEqual(['left 80x24', 'more 120x40'])
  recent.resized(size)
  expect(now()).toBeUndefined()
})

it('is old with more than a little after it, until the next is taken', () => {
  take()
  parsed()
  for (let part = 0; part < 64; part++) recent.add(new Uint8Array(1024))
  expect(recent.screens?.[1].data.length).toBe(65_536)
  recent.add(bytes('!'))
  expect(now()).toBeUndefined()
  take()
  parsed()
  expect(now()).toEqual(['screen 80x24', ' 80x24'])
})

it('is of the latest taking, and not of one that was overtaken', () => {
  take()
  recent.add(bytes('one'))
  take()
  parsed()
  expect(taken).toHaveLength(2)
  expect(now()).toEqual(['screen 80x24', ' 80x24'])
})

it('is not remembered where it is very large, but taken', () => {
  shown = 'x'.repeat(8_000_001)
  take()
  parsed()
  expect(taken[0]).toHaveLength(8_000_001)
  expect(now()).toBeUndefined()
})
