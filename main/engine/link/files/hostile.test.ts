import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { SftpClient } from '../sftp/client'
import { Frames } from '../sftp/frames'
import { packet, status } from '../sftp/protocol'
import { Writer } from '../ssh/wire'
import { decodeName, encodeName } from './names'
import { FileSession } from './session'

const codeOf = (error: unknown) => (error instanceof ProblemError ? error.problem.code : String(error))

type Respond = (type: number, id: number, send: (...packets: Buffer[]) => void) => void

const answer = (type: number, id: number, body: Buffer) => new Writer().byte(type).uint32(id).raw(body).done()
const statusOf = (code: number, text = '') => new Writer().uint32(code).string(text).string('').done()

/** A server of one's own that answers as it likes. */
async function session(respond: Respond): Promise<FileSession> {
  const frames = new Frames()
  const stream: Duplex = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      for (const frame of frames.push(chunk)) {
        const send = (...packets: Buffer[]) => {
          for (const one of packets) if (!stream.destroyed) stream.push(new Writer().string(one).done())
        }
        if (frame[0] === packet.init) send(new Writer().byte(packet.version).uint32(3).done())
        else respond(frame[0] as number, frame.readUInt32BE(1), send)
      }
      done()
    },
  })
  const client = new SftpClient(stream)
  await client.ready()
  return new FileSession(client, async () => undefined, new AbortController().signal)
}

const handle = (id: number) => answer(packet.handle, id, new Writer().string('h').done())
const noAttributes = new Writer().uint32(0).done()

describe('a hostile server of files', () => {
  it('names nothing that leads out of a folder', async () => {
    const names = ['..', '.', '', '../up', '/etc/passwd', 'a/b', 'nul\0', 'good', '\u0007bell']
    const body = new Writer().uint32(names.length)
    for (const name of names) body.string(name).string('long').raw(noAttributes)
    let given = false
    const files = await session((type, id, send) => {
      if (type === packet.opendir) return send(handle(id))
      if (type === packet.readdir && !given) {
        given = true
        return send(answer(packet.name, id, body.done()))
      }
      send(answer(packet.status, id, statusOf(status.eof)))
    })
    const { entries } = await files.list('/x')
    expect(entries.map(({ name }) => name)).toEqual(['good', '\u0007bell'])
  })

  it('is not listened to for ever', async () => {
    const body = new Writer().uint32(100)
    for (let index = 0; index < 100; index += 1) body.string(`n${index}`).string('').raw(noAttributes)
    const files = await session((type, id, send) =>
      send(type === packet.opendir ? handle(id) : answer(packet.name, id, body.done())),
    )
    expect(await files.list('/x', 1000)).toMatchObject({ truncated: true })
    const empty = await session((type, id, send) =>
      send(type === packet.opendir ? handle(id) : answer(packet.name, id, Buffer.alloc(4))),
    )
    expect(await empty.list('/x').catch(codeOf)).toBe('connection-lost')
  })

  it.each<[string, Respond]>([
    ['an answer that nobody asked for', (_type, id, send) => send(handle(id + 7))],
    ['another kind of answer', (_type, id, send) => send(answer(packet.data, id, Buffer.alloc(4)))],
    ['ok in place of a handle', (_type, id, send) => send(answer(packet.status, id, statusOf(status.ok)))],
    [
      'a packet that is cut off',
      (_type, id, send) => send(answer(packet.handle, id, Buffer.from([0, 0, 0, 9]))),
    ],
    ['an empty packet', (_type, _id, send) => send(Buffer.alloc(0))],
    ['a packet that is too long', (_type, _id, send) => send(Buffer.alloc(2_000_000))],
  ])('breaks the connection with %s', async (_what, respond) => {
    const files = await session(respond)
    expect(await files.list('/x').catch(codeOf)).toBe('connection-lost')
  })

  it('gives no more of a file than was asked for, and no less without an end', async () => {
    const read = async (size: number) => {
      const files = await session((type, id, send) => {
        if (type === packet.open) return send(handle(id))
        send(answer(packet.data, id, new Writer().string(Buffer.alloc(size)).done()))
      })
      for await (const _piece of files.read('/x', 0, 700)) if (size === 0) break
    }
    await expect(read(1001).catch(codeOf)).resolves.toBe('connection-lost')
    await expect(read(0).catch(codeOf)).resolves.toBe('connection-lost')
    await expect(read(7)).resolves.toBeUndefined()
  })

  it('that speaks something else is refused', async () => {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() })
    const client = new SftpClient(stream)
    stream.push(new Writer().string(Buffer.from('HTTP/1.1 400')).done())
    await expect(client.ready()).rejects.toThrow()
    expect(stream.destroyed).toBe(true)
  })
})

describe('names', () => {
  it.each(['plain', 'näme', '😀', '\ufeffmark', 'a\udce4', '\udc80\udcff', '😀\udcf0\udc9f'])(
    '%j stays as it is',
    (name) => {
      expect(decodeName(encodeName(name))).toBe(name)
    },
  )

  it('of any bytes give the same bytes back', () => {
    for (let seed = 0; seed < 2000; seed += 1) {
      const bytes = Buffer.from(
        Array.from({ length: 12 }, (_, at) => (Math.imul(seed * 31 + at, 2_654_435_761) >>> 13) & 0xff),
      )
      expect(encodeName(decodeName(bytes)).equals(bytes)).toBe(true)
    }
  })
})
