import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, tryCommand } from './command'
import { ensureImages, TEST_IMAGES } from './images'
import { withLock } from './lock'

/** The newest that `go install` builds: later ones replace modules. */
const VERSION = 'v0.12.5'
/** BuildKit without root, in the manner of `moby/buildkit:rootless`. */
const IMAGE = `berth-test/buildkit:${VERSION}`

/**
 * An image with BuildKit's daemon; undefined where there is none. It is made of the sources, which takes Go and some
 * three minutes, where `BERTH_TEST_BUILDKIT=1` asks for that, and kept in the engine for later runs.
 */
export async function buildKitImage(): Promise<string | undefined> {
  const exists = async () => (await tryCommand('docker', ['image', 'inspect', IMAGE])).code === 0
  if (await exists()) return IMAGE
  if (process.env.BERTH_TEST_BUILDKIT !== '1') return undefined
  await withLock('berth-test-image-buildkit', async () => {
    if (!(await exists())) await make()
  })
  return IMAGE
}

async function make(): Promise<void> {
  await ensureImages(['debian'])
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-buildkit-'))
  try {
    const packages = ['buildkitd', 'buildctl'].map(
      (name) => `github.com/moby/buildkit/cmd/${name}@${VERSION}`,
    )
    for (const one of packages)
      await command('go', ['install', '-trimpath', '-ldflags=-s -w', one], {
        env: { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' },
        timeoutMilliseconds: 15 * 60_000,
      })
    for (const name of ['rootlesskit', 'uidmap']) {
      await command('apt-get', ['download', name], { cwd: folder })
      await command('sh', ['-c', `dpkg-deb -x ${name}_*.deb ${folder}/root`], { cwd: folder })
    }
    await copyFile('/usr/sbin/runc', join(folder, 'runc'))
    await writeFile(join(folder, 'Dockerfile'), dockerfile)
    await command('docker', ['build', '-t', IMAGE, folder], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      timeoutMilliseconds: 300_000,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** File capabilities in place of setuid: what maps users needs no more than to set them. */
const capabilities =
  "import os, struct; [os.setxattr('/usr/bin/' + name, 'security.capability', struct.pack('<IIIII', 0x02000001, bit, 0, 0, 0)) for name, bit in (('newuidmap', 1 << 7), ('newgidmap', 1 << 6))]"

const dockerfile = `FROM ${TEST_IMAGES.debian}
COPY root/usr/bin/ /usr/bin/
COPY buildkitd buildctl runc /usr/local/bin/
RUN python3 -c "${capabilities}" \\
 && echo dev:100000:65536 | tee /etc/subuid > /etc/subgid \\
 && install -d -o 1000 -g 1000 /run/user/1000 /home/dev/.local/tmp
USER 1000:1000
ENV USER=dev HOME=/home/dev XDG_RUNTIME_DIR=/run/user/1000 TMPDIR=/home/dev/.local/tmp
ENTRYPOINT ["rootlesskit", "buildkitd"]
`

/**
 * The image once more, for pods that reach a registry of this machine's loopback under its own address, as nodes do:
 * what connects to `port` of a pod's loopback comes to that of this machine.
 */
export async function withLoopback(
  image: string,
  port: number,
): Promise<{ readonly image: string; dispose(): Promise<void> }> {
  const server = createServer((socket) => {
    const other = connect(port, '127.0.0.1')
    for (const one of [socket, other]) one.on('error', () => undefined)
    socket.pipe(other).pipe(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, bridgeAddress(), resolve)
  })
  const address = server.address()
  const outside = typeof address === 'object' ? address?.port : undefined
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-buildkit-'))
  const tag = `berth-test/buildkit:at-${port}`
  try {
    await writeFile(join(folder, 'pass.py'), pass)
    await writeFile(
      join(folder, 'Dockerfile'),
      `FROM ${image}
COPY pass.py /pass.py
ENTRYPOINT ["sh", "-c", "python3 /pass.py ${port} ${bridgeAddress()} ${outside} & exec rootlesskit buildkitd \\"$@\\"", "sh"]
`,
    )
    await command('docker', ['build', '-t', tag, folder], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      timeoutMilliseconds: 120_000,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return {
    image: tag,
    dispose: async () => {
      server.close()
      await tryCommand('docker', ['image', 'rm', tag])
    },
  }
}

/** This machine's, in the network of the cluster's pods (test/harness/kubernetes/network.ts). */
function bridgeAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  const found = all.findLast(({ address }) => address.startsWith('10.213.'))
  if (!found) throw new Error('the cluster of the tests has no network on this machine')
  return found.address
}

const pass = `import socket, sys, threading
inside, host, outside = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def carry(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for one in (a, b):
        try: one.shutdown(socket.SHUT_RDWR)
        except OSError: pass
server = socket.create_server(('127.0.0.1', inside))
while True:
    near, _ = server.accept()
    far = socket.create_connection((host, outside))
    for pair in ((near, far), (far, near)):
        threading.Thread(target=carry, args=pair, daemon=True).start()
`
