import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Demultiplexer } from './demultiplexer'

function frame(channel: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload)
  const header = Buffer.alloc(8)
  header[0] = channel
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

/** Everything of a stream that is cut into chunks as `cut` says. */
function takeApart(stream: Buffer, cut: () => number) {
  const demultiplexer = new Demultiplexer()
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  for (let position = 0; position < stream.length; ) {
    const size = cut()
    // A copy: the demultiplexer moves bytes inside what it is given.
    const parts = demultiplexer.push(Buffer.from(stream.subarray(position, position + size)))
    if (parts.stdout) stdout.push(Buffer.from(parts.stdout))
    if (parts.stderr) stderr.push(Buffer.from(parts.stderr))
    position += size
  }
  return { demultiplexer, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }
}

describe('Demultiplexer', () => {
  const frames: Buffer[] = []
  const expected: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
  for (let count = 0; count < 2_000; count++) {
    const payload = randomBytes((count * 7919) % (count % 50 === 0 ? 40_000 : 100))
    const channel = count % 3 === 0 ? 2 : 1
    frames.push(frame(channel, payload))
    expected[channel === 1 ? 'stdout' : 'stderr'].push(payload)
  }
  const stream = Buffer.concat(frames)

  it.each([
    ['whole', () => stream.length],
    ['bytes', () => 1],
    ['sevens', () => 7],
    ['eights', () => 8],
    ['64 KiB', () => 65_536],
    ['random sizes', () => 1 + Math.floor(Math.random() * 5_000)],
  ])('gives the same in chunks of %s', (_name, cut) => {
    const { demultiplexer, stdout, stderr } = takeApart(stream, cut)
    expect(stdout.equals(Buffer.concat(expected.stdout))).toBe(true)
    expect(stderr.equals(Buffer.concat(expected.stderr))).toBe(true)
    expect(demultiplexer.atBoundary).toBe(true)
  })

  it('makes one piece of many small frames', () => {
    const chunk = Buffer.concat(Array.from({ length: 1_000 }, (_, n) => frame(1, `line ${n}\n`)))
    const { stdout, stderr } = new Demultiplexer().push(chunk)
    expect(stdout?.toString().split('\n')).toHaveLength(1_001)
    expect(stderr).toBeUndefined()
  })

  it('takes a chunk of one-byte frames without a deep stack, in time linear to it', () => {
    const one = frame(1, 'x')
    const chunk = Buffer.concat(Array.from({ length: 500_000 }, () => one))
    expect(new Demultiplexer().push(chunk).stdout?.length).toBe(500_000)
  })

  it('passes over empty frames, and knows when it was cut', () => {
    const demultiplexer = new Demultiplexer()
    expect(demultiplexer.push(frame(1, ''))).toEqual({ stdout: undefined, stderr: undefined })
    expect(demultiplexer.atBoundary).toBe(true)
    demultiplexer.push(frame(1, 'abc').subarray(0, 10))
    expect(demultiplexer.atBoundary).toBe(false)
  })

  it('keeps the daemon’s own error out of the output', () => {
    const demultiplexer = new Demultiplexer()
    const parts = demultiplexer.push(Buffer.concat([frame(1, 'out'), frame(3, 'no more')]))
    expect(parts.stdout?.toString()).toBe('out')
    expect(demultiplexer.systemError).toBe('no more')
  })
})
