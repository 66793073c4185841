import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchText } from './fetch-text'

let server: Server
let base: string
const headers: (string | undefined)[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    headers.push(request.headers.cookie, request.headers.authorization)
    switch (request.url) {
      case '/text':
        return void response.setHeader('set-cookie', 'a=b').end('Grüße')
      case '/slow':
        return void response.write('begun')
      case '/broken':
        response.writeHead(200, { 'content-length': '100' }).write('half')
        return void setTimeout(() => response.destroy(), 50)
      case '/bytes':
        return void response.end(Buffer.from([0xc3, 0x28]))
      case '/moved':
        return void response.writeHead(302, { location: '/text' }).end()
      case '/file':
        return void response.writeHead(302, { location: 'file:///etc/passwd' }).end()
      default:
        response.writeHead(404).end('nothing here')
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('gives the text, also of what has moved, and keeps no cookies', async () => {
  expect(await fetchText(`${base}/text`, 7)).toBe('Grüße')
  expect(await fetchText(`${base}/moved`, 7)).toBe('Grüße')
  expect(headers.every((header) => header === undefined)).toBe(true)
})

test.each([
  ['/none', 100, 'the server answered 404 Not Found'],
  ['/text', 6, 'it is longer than 6 bytes'],
  ['/bytes', 100, 'it is not UTF-8 text'],
  ['/slow', 100, 'nothing came within 0.5 s'],
  ['/broken', 100, 'other side closed'],
  ['/file', 100, 'URL scheme must be a HTTP(S) scheme'],
])('says why there is no text at %s', async (path, limit, reason) => {
  // Where something else is the reason, a busy machine has its time for it.
  const timeout = path === '/slow' ? 500 : 30_000
  await expect(fetchText(base + path, limit, { timeout })).rejects.toThrow(reason)
})

test.each(['file:///etc/passwd', 'data:,x', 'nowhere'])('fetches nothing from %s', async (address) => {
  await expect(fetchText(address, 100)).rejects.toThrow('only http and https addresses are fetched')
})

test('is given up when that is asked for, before and meanwhile', async () => {
  const reason = new DOMException('enough', 'AbortError')
  await expect(fetchText(`${base}/text`, 100, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  const cancel = new AbortController()
  const text = fetchText(`${base}/slow`, 100, { signal: cancel.signal })
  setTimeout(() => cancel.abort(reason), 100)
  await expect(text).rejects.toBe(reason)
})

test('says that nobody answers', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  await expect(fetchText(`http://127.0.0.1:${port}/`, 100)).rejects.toThrow('ECONNREFUSED')
})
