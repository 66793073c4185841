import { createHash } from 'node:crypto'
import { command } from '../../harness/command'
import type { Place } from './place'

/** What answers in the pods of all benches. */
export const SERVER_PORT = 9000

const BLOCK = 1 << 20
const block = Buffer.alloc(
  BLOCK,
  Uint8Array.from({ length: BLOCK }, (_, at) => (at * 7 + (at >> 8)) & 255),
)

/** Beginnings of the conversations that the server knows; see {@link serverProgram}. */
export const say = {
  /** It answers with so many bytes, and ends. */
  send: (bytes: number) => `b${bytes}\n`,
  /** It answers with a line: its name, and since when it listens, in Unix milliseconds. */
  who: 'w',
  /** It never reads again. */
  stall: 'z',
  /** Whatever else comes, it answers with the same byte. */
  echo: 'x',
} as const

/** sha256 of what {@link say.send} brings, in hexadecimal. */
export function digestOfSent(bytes: number): string {
  const hash = createHash('sha256')
  for (let left = bytes; left > 0; left -= BLOCK) hash.update(block.subarray(0, Math.min(left, BLOCK)))
  return hash.digest('hex')
}

/** Python, for images that have it. Its argument, if there is one, is its name. */
export const serverProgram = `
import socket, sys, threading, time
block = bytes((at * 7 + (at >> 8)) & 255 for at in range(1 << 20))
name = sys.argv[1] if len(sys.argv) > 1 else ""
def serve(c):
    with c:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            d = c.recv(1)
            if not d: return
            if d == b"z":
                while True: time.sleep(60)
            if d == b"b":
                text = b""
                while not text.endswith(b"\\n"): text += c.recv(1)
                left = int(text)
                while left:
                    n = min(left, len(block))
                    c.sendall(memoryview(block)[:n])
                    left -= n
                return
            c.sendall(who if d == b"w" else d)
def guarded(c):
    try: serve(c)
    except OSError: pass
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", ${SERVER_PORT}))
s.listen(256)
who = f"{name} {time.time() * 1000:.0f}\\n".encode()
while True:
    c, _ = s.accept()
    threading.Thread(target=guarded, args=(c,), daemon=True).start()
`

/** Starts the server in a workspace's pod by plain kubectl, and returns when it listens. */
export async function startPodServer(place: Place, pod: string): Promise<void> {
  const encoded = Buffer.from(serverProgram).toString('base64')
  const hex = SERVER_PORT.toString(16).toUpperCase().padStart(4, '0')
  await inPod(
    place,
    pod,
    `echo ${encoded} | base64 -d > /tmp/server.py
     setsid python3 /tmp/server.py > /tmp/server.log 2>&1 < /dev/null &
     until grep -q ":${hex} 00000000:0000 0A" /proc/net/tcp; do sleep 0.05; done`,
  )
}

/** Runs a script in the workspace's container by plain kubectl, and returns what it printed. */
export function inPod(place: Place, pod: string, script: string): Promise<string> {
  return command(place.kubectl.program, [
    ...place.asDeveloper,
    'exec',
    pod,
    '--container',
    'workspace',
    '--',
    'sh',
    '-c',
    script,
  ])
}
