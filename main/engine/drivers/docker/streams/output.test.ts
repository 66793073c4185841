import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { readOutputs, writeInput } from './output'

const tick = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('readOutputs', () => {
  it('pauses the connection while a reader is slow and goes on when it reads', async () => {
    const socket = new PassThrough({ highWaterMark: 1024 * 1024 })
    const outputs = readOutputs(socket, Buffer.alloc(0), false)
    for (let count = 0; count < 40; count++) socket.write(Buffer.alloc(64 * 1024))
    await tick()
    expect(socket.isPaused()).toBe(true)
    expect(outputs.blocked()).toBe(true)
    expect(outputs.stdout.readableLength).toBeLessThan(1024 * 1024)
    let size = 0
    outputs.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    socket.end()
    expect((await outputs.ended).clean).toBe(true)
    await tick()
    expect(size).toBe(40 * 64 * 1024)
  })

  it('goes on with one channel when the other was destroyed', async () => {
    const socket = new PassThrough()
    const outputs = readOutputs(socket, Buffer.alloc(0), true)
    const header = (channel: number, length: number) => {
      const bytes = Buffer.alloc(8)
      bytes[0] = channel
      bytes.writeUInt32BE(length, 4)
      return bytes
    }
    outputs.stderr?.destroy()
    socket.write(
      Buffer.concat([header(2, 2_000_000), Buffer.alloc(2_000_000), header(1, 2), Buffer.from('ok')]),
    )
    socket.end()
    const chunks: Buffer[] = []
    for await (const chunk of outputs.stdout) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('ok')
  })

  it('tells a stream that was cut inside a frame, or by an error, from one that ended', async () => {
    const cut = new PassThrough()
    const first = readOutputs(cut, Buffer.from([1, 0, 0, 0, 0, 0, 0, 9, 65]), true)
    cut.end()
    expect((await first.ended).clean).toBe(false)
    const broken = new PassThrough()
    const second = readOutputs(broken, Buffer.alloc(0), false)
    broken.destroy(new Error('reset'))
    expect(await second.ended).toMatchObject({ clean: false, error: { message: 'reset' } })
  })
})

describe('writeInput', () => {
  it('does not leave a writer waiting when the connection is lost', async () => {
    const socket = new PassThrough({ highWaterMark: 10 })
    socket.on('error', () => undefined)
    const input = writeInput(socket, false)
    const written = new Promise((resolve) => input.write(Buffer.alloc(100), resolve))
    input.write(Buffer.alloc(100))
    socket.destroy()
    await written
    await tick()
    expect(input.destroyed).toBe(true)
  })
})
