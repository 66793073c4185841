import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { benchName, inContainer } from './workspace'

/** What answers inside: one byte for each byte that comes, or, after a `b`, many bytes and the end. */
const server = (port: number, bulk: number) => `
import socket, threading
block = bytes(1 << 20)
def serve(c):
    with c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            d = c.recv(1)
            if not d: return
            if d == b"b":
                left = ${bulk}
                while left:
                    n = min(left, len(block))
                    c.sendall(block[:n])
                    left -= n
                return
            c.sendall(d)
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", ${port}))
s.listen(256)
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

/** Starts the server in a container, and returns when it listens. */
export async function startServer(container: string, port: number, bulk = 0): Promise<void> {
  const encoded = Buffer.from(server(port, bulk)).toString('base64')
  await command('docker', [
    'exec',
    '-d',
    '-u',
    '0',
    container,
    'sh',
    '-c',
    `echo ${encoded} | base64 -d > /tmp/server.py && exec python3 /tmp/server.py`,
  ])
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  await inContainer(container, `until grep -q ":${hex} 00000000:0000 0A" /proc/net/tcp; do sleep 0.05; done`)
}

/** A container with a published port: what Docker offers by itself. */
export async function publishedServer(
  bulk = 0,
): Promise<{ readonly port: number; dispose(): Promise<void> }> {
  const name = benchName()
  const inside = 9000
  await command('docker', [
    'run',
    '-d',
    '--init',
    '--name',
    name,
    '-p',
    `127.0.0.1::${inside}`,
    TEST_IMAGES.debian,
    'sleep',
    'infinity',
  ])
  await startServer(name, inside, bulk)
  const mapped = await command('docker', ['port', name, `${inside}/tcp`])
  return {
    port: Number(mapped.trim().split('\n')[0]?.split(':').pop()),
    dispose: async () => void (await command('docker', ['rm', '-f', name])),
  }
}
