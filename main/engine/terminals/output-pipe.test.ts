import { beforeEach, describe, expect, it, vi } from 'vitest'
import { HIGH_WATER } from '#contract'
import { BATCH, BATCH_DELAY, MIRROR_HIGH, OutputPipe, type PipeSink } from './output-pipe'

class Sink implements PipeSink {
  readonly sizes: number[] = []
  unread = 0
  ready = true
  text = ''
  room() {
    return this.ready ? HIGH_WATER - this.unread : 0
  }
  send(chunk: Uint8Array) {
    this.sizes.push(chunk.length)
    this.unread += chunk.length
    this.text += Buffer.from(chunk.subarray(0, 20)).toString()
    expect(chunk.byteLength).toBe(chunk.buffer.byteLength)
  }
}

let paused: boolean
let mirror: { pending: number; bytes: number; write(chunk: Uint8Array): void }
let pipe: OutputPipe
let sink: Sink

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  paused = false
  mirror = {
    pending: 0,
    bytes: 0,
    write(chunk) {
      this.bytes += chunk.length
    },
  }
  pipe = new OutputPipe(
    {
      pause: () => {
        paused = true
      },
      resume: () => {
        paused = false
      },
    },
    mirror,
  )
  sink = new Sink()
  pipe.add(sink)
  return () => vi.useRealTimers()
})

const bytes = (text: string) => Buffer.from(text)

describe('the output pipe', () => {
  it('sends the first bytes at once and joins those that follow', () => {
    pipe.push(bytes('a'))
    expect(sink.text).toBe('a')
    pipe.push(bytes('b'))
    pipe.push(bytes('c'))
    expect(sink.text).toBe('a')
    vi.advanceTimersByTime(BATCH_DELAY)
    expect(sink.text).toBe('abc')
    expect(sink.sizes).toEqual([1, 2])
    vi.advanceTimersByTime(BATCH_DELAY)
    pipe.push(bytes('d'))
    expect(sink.text).toBe('abcd')
  })

  it('sends the echo of a key at once', () => {
    pipe.push(bytes('a'))
    pipe.hurry()
    pipe.push(bytes('b'))
    expect(sink.text).toBe('ab')
    pipe.push(bytes('c'))
    pipe.hurry()
    expect(sink.text).toBe('abc')
  })

  it('never has more unread at a window than the contract says, and pauses the source', () => {
    pipe.push(new Uint8Array(1_000_000))
    expect(sink.unread).toBeLessThanOrEqual(HIGH_WATER)
    expect(sink.unread).toBeGreaterThan(HIGH_WATER / 2)
    expect(paused).toBe(true)
    let rounds = 0
    while (sink.sizes.reduce((sum, size) => sum + size, 0) < 1_000_000 && rounds++ < 1_000) {
      sink.unread = Math.max(sink.unread - 5_000, 0)
      pipe.roomMade()
      vi.advanceTimersByTime(BATCH_DELAY)
      expect(sink.unread).toBeLessThanOrEqual(HIGH_WATER)
    }
    expect(sink.sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_000)
    expect(mirror.bytes).toBe(1_000_000)
    expect(paused).toBe(false)
    expect(Math.max(...sink.sizes)).toBeLessThanOrEqual(BATCH)
  })

  it('goes at the pace of the slowest, and on without it when it leaves', () => {
    const slow = new Sink()
    pipe.add(slow)
    slow.ready = false
    pipe.push(bytes('x'))
    expect(sink.text).toBe('')
    pipe.push(new Uint8Array(BATCH))
    expect(paused).toBe(true)
    pipe.remove(slow)
    vi.advanceTimersByTime(BATCH_DELAY)
    expect(sink.unread).toBe(BATCH + 1)
    expect(paused).toBe(false)
    expect(slow.unread).toBe(0)
  })

  it('waits for the mirror too', () => {
    mirror.pending = MIRROR_HIGH + 1
    pipe.push(bytes('x'))
    expect(sink.text).toBe('')
    mirror.pending = 0
    pipe.roomMade()
    expect(sink.text).toBe('x')
  })

  it('sends what is held before it tells of the end', () => {
    const order: string[] = []
    sink.unread = HIGH_WATER
    pipe.push(bytes('last words'))
    pipe.end(() => order.push('end'))
    expect(order).toEqual([])
    sink.unread = 0
    pipe.roomMade()
    expect(sink.text).toBe('last words')
    expect(order).toEqual(['end'])
  })

  it('tells of the end at once when nothing is held, and sends nothing once stopped', () => {
    const end = vi.fn()
    pipe.end(end)
    expect(end).toHaveBeenCalledOnce()
    pipe.stop()
    pipe.push(bytes('x'))
    expect(sink.text).toBe('')
    expect(pipe.held).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})
