import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { makeAuthority } from '../../shared/certificates.suite'
import { halfClose } from './half-close'
import { readOutputs, writeInput } from './output'

const RECORD = Buffer.alloc(16_000, 1)
const RECORDS = 20
const AFTER = Buffer.from('after the other end has closed')

/** Answers the first byte with many records at once, and the end of what it gets with one more. */
const { cert, key } = makeAuthority().issue()
const server = createTlsServer({ cert, key, allowHalfOpen: true }, (client) => {
  client.on('error', () => undefined)
  client.once('data', () => {
    for (let count = 0; count < RECORDS; count++) client.write(RECORD)
  })
  client.on('end', () => client.end(AFTER))
})
/** Before it, what makes of all that comes within a moment one piece: so many records are there at one read. */
const gatherer = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true })
  for (const side of [near, far]) side.on('error', () => undefined)
  near.pipe(far)
  let gathered: Buffer[] = []
  let timer: NodeJS.Timeout | undefined
  const pass = () => {
    near.write(Buffer.concat(gathered))
    gathered = []
  }
  far.on('data', (chunk) => {
    gathered.push(chunk)
    clearTimeout(timer)
    timer = setTimeout(pass, 20)
  })
  far.on('end', () => {
    clearTimeout(timer)
    near.end(Buffer.concat(gathered))
  })
})
afterAll(() => {
  gatherer.close()
  server.close()
})

async function open() {
  for (const one of [server, gatherer]) {
    if (one.listening) continue
    one.listen(0, '127.0.0.1')
    await once(one, 'listening')
  }
  const { port } = gatherer.address() as AddressInfo
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

describe('the half-close of a TLS connection', () => {
  it('loses nothing of what comes at the same time', async () => {
    const socket = await open()
    const first = once(socket, 'data').then(([chunk]) => {
      // In the middle of a read, as whoever has just got the head of an answer is.
      halfClose(socket)
      return chunk as Buffer
    })
    socket.write('?')
    let size = (await first).length
    for await (const chunk of socket) size += chunk.length
    expect(size).toBe(RECORDS * RECORD.length + AFTER.length)
  })

  it('loses nothing where the input of a process ends', async () => {
    const socket = await open()
    const outputs = readOutputs(socket, Buffer.alloc(0), false)
    const input = writeInput(socket, false)
    outputs.stdout.once('data', () => input.end())
    let size = 0
    outputs.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
    })
    const read = once(outputs.stdout, 'end')
    input.write('?')
    expect((await outputs.ended).clean).toBe(true)
    await read
    expect(size).toBe(RECORDS * RECORD.length + AFTER.length)
  })
})
