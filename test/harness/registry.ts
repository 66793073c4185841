import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from './command'
import { freePorts } from './kubernetes/network'

export interface Registry {
  /** `127.0.0.1:<port>`; Docker speaks plain HTTP to loopback registries. */
  readonly address: string
  readonly user: string
  readonly password: string
  /** Puts a local image there under `name` and returns its full reference. The local name goes again. */
  push(image: string, name: string): Promise<string>
  dispose(): Promise<void>
}

/** bcrypt of `open-sesame`. */
const HTPASSWD = 'berth:$2y$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n'

/** Debian's docker-registry on a free loopback port, optionally asking for a password. */
export async function startRegistry(options: { readonly password?: boolean } = {}): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-registry-'))
  const port = await freePort()
  const address = `127.0.0.1:${port}`
  const user = 'berth'
  const password = 'open-sesame'
  const configuration = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: address, secret: 'of no worth' },
    ...(options.password
      ? { auth: { htpasswd: { realm: 'berth-test', path: join(folder, 'htpasswd') } } }
      : {}),
  }
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(configuration))
  await writeFile(join(folder, 'htpasswd'), HTPASSWD)
  const log = join(folder, 'registry.log')
  const output = openSync(log, 'a')
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  let failure: Error | undefined
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      failure = error
      resolve()
    })
    child.once('exit', (code) => {
      failure ??= new Error(`docker-registry ended with ${code}`)
      resolve()
    })
  })
  const dispose = async () => {
    if (!failure) child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }

  const deadline = Date.now() + 30_000
  for (;;) {
    const status = await fetch(`http://${address}/v2/`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === (options.password ? 401 : 200)) break
    if (failure || Date.now() > deadline) {
      const said = await readFile(log, 'utf8')
      await dispose()
      throw new Error(`docker-registry does not answer (${failure?.message ?? 'timeout'}):\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  return {
    address,
    user,
    password,
    push: async (image, name) => {
      const reference = `${address}/${name}`
      // A client configuration of its own, so that no credential is left in the user's.
      const config = await mkdtemp(join(folder, 'docker-'))
      const auth = Buffer.from(`${user}:${password}`).toString('base64')
      await writeFile(
        join(config, 'config.json'),
        JSON.stringify(options.password ? { auths: { [address]: { auth } } } : {}),
      )
      await command('docker', ['tag', image, reference])
      try {
        await command('docker', ['--config', config, 'push', reference], { timeoutMilliseconds: 300_000 })
      } finally {
        await command('docker', ['rmi', '--no-prune', reference])
      }
      return reference
    },
    dispose,
  }
}

/** A loopback TCP port that nobody listened on a moment ago, and that nobody gets without asking for it. */
export async function freePort(): Promise<number> {
  return (await freePorts('one')).one
}
