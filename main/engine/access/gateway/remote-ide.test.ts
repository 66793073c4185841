import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, isPossible, openLocalGateway } from './local-gateway.suite'

/** What stands for an editor's server: it listens on a port of its own choice, and says who it is. */
const SERVER = `
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
const server = createServer((_, response) => response.end('server ' + process.pid))
server.listen(0, '127.0.0.1', () => writeFileSync(process.argv[2], String(server.address().port)))
`

/**
 * What VS Code's Remote-SSH sends to a shell, in its order: who is there, whether the server runs, else its start in the
 * background of this very shell, and what to connect to, between marks.
 */
const bootstrap = (folder: string) => `
id=4f2a
echo "$id: running"
uname -rsv; echo "PLATFORM==$(uname -s)=="; echo "ARCH==$(uname -m)=="; echo "HOME==$HOME=="
cd ${folder} || { echo "$id: failed"; exit 1; }
if [ -f server.pid ] && kill -0 "$(cat server.pid)" 2>/dev/null; then
  echo "$id: found running server"
else
  rm -f server.port
  '${process.execPath}' server.mjs server.port > server.log 2>&1 < /dev/null &
  echo $! > server.pid
fi
for i in $(seq 300); do [ -s server.port ] && break; sleep 0.2; done
echo "listeningOn==$(cat server.port)=="
echo "$id: end"
`

describe.skipIf(!isPossible)('the way in which VS Code works over SSH', () => {
  let opened: Awaited<ReturnType<typeof openLocalGateway>>
  beforeAll(async () => {
    opened = await openLocalGateway()
    writeFileSync(join(opened.folder, 'server.mjs'), SERVER)
  })
  afterAll(async () => {
    const file = join(opened.folder, 'server.pid')
    if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
    await opened.dispose()
  })

  /** Starts the client with a SOCKS proxy, runs the bootstrap over its input, and leaves it open. */
  async function enter() {
    const socks = await freePort()
    const child = opened.start('ssh', [
      ...['-F', opened.config, '-T', '-D', `127.0.0.1:${socks}`, '-o', 'ConnectTimeout=15'],
      ...['demo.berth', 'sh'],
    ])
    child.stdin.on('error', () => undefined)
    child.stderr.resume()
    child.stdin.write(bootstrap(opened.folder))
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await expect.poll(() => said).toContain('4f2a: end')
    const [, port] = /listeningOn==(\d+)==/.exec(said) ?? []
    return { child, said, socks, port: Number(port) }
  }

  /** A request over the SOCKS proxy, as the editor's window makes them. */
  async function ask(socks: number, port: number): Promise<string> {
    const socket = connect(socks, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(Buffer.from([5, 1, 0]))
    await once(socket, 'data')
    const host = Buffer.from('127.0.0.1')
    socket.write(Buffer.from([5, 1, 0, 3, host.length, ...host, port >> 8, port & 255]))
    await once(socket, 'data')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    return (await text(socket)).split('\r\n\r\n')[1] ?? ''
  }

  it('starts its server over a shell, reaches it, and finds it again after a cut', async () => {
    const first = await enter()
    expect(first.said).toContain('PLATFORM==Linux==')
    const server = await ask(first.socks, first.port)
    expect(server).toMatch(/^server \d+$/)

    opened.local.cut()
    expect((await once(first.child, 'exit'))[0]).toBe(255)

    const second = await enter()
    expect(second.said).toContain('4f2a: found running server')
    expect(second.port).toBe(first.port)
    expect(await ask(second.socks, second.port)).toBe(server)
    second.child.stdin.end()
    expect((await once(second.child, 'exit'))[0]).toBe(0)
  })
})
