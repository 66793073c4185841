import type { Platform } from '../../platform/platform'
import { AssuanAnswers } from './assuan'
import { LaptopAgent } from './laptop-agent'

/** How long gpg may take to say what it has, in milliseconds: it may start its agent, and read many keys. */
const LIMIT = 60_000
/** Most keys that one name stands for, and the longest one that is passed on, in characters. */
const KEYS_MOST = 8
const LONGEST_KEY = 64 * 1024
/** What may be asked for: one line of text. */
const PLAIN = /^[^\p{Cc}\p{Cs}]{1,400}$/u

/** Why there is nothing to be had from gpg here; the message ends a sentence that begins with what was not given. */
export class NoGpg extends Error {}

/** The user's own gpg. Of it, workspaces get public keys and what its agent answers at its restricted socket. */
export class LaptopGpg {
  readonly #platform: Platform

  constructor(platform: Platform) {
    this.#platform = platform
  }

  /** Whether there is a gpg whose agent can be reached. On Windows its sockets are none that can. */
  async isThere(system: NodeJS.Platform = process.platform): Promise<boolean> {
    return system !== 'win32' && (await this.#run('gpgconf', ['--version'])).code === 0
  }

  /** The public part of the keys that gpg signs with under a name, for `gpg --import`. Rejects with {@link NoGpg}. */
  async publicKey(name: string, signal: AbortSignal): Promise<Buffer> {
    if (!PLAIN.test(name)) throw new NoGpg('that is no name of a key')
    await this.#reach()
    const listing = ['--batch', '--with-colons', '--list-secret-keys', '--', name]
    const { code, stdout } = await this.#run('gpg', listing, signal)
    const prints = fingerprints(stdout)
    if (code !== 0 || prints.length === 0)
      throw new NoGpg(`gpg on your computer has no key to sign with as ${name}`)
    const options = ['--export-options', 'export-minimal,no-export-attributes', '--export', '--', ...prints]
    const exported = await this.#run('gpg', ['--batch', '--armor', ...options], signal)
    if (exported.code !== 0 || exported.stdout === '' || exported.stdout.length > LONGEST_KEY)
      throw new NoGpg(`gpg on your computer does not give out the public key of ${name}`)
    return Buffer.from(exported.stdout)
  }

  /** A connection to the socket for others of gpg's agent, which is started if it does not run. Rejects likewise. */
  async open(): Promise<LaptopAgent> {
    const { code, stderr } = await this.#run('gpgconf', ['--launch', 'gpg-agent'])
    if (code !== 0) throw new NoGpg(`gpg's agent on your computer does not start: ${stderr.trim()}`)
    const { stdout } = await this.#run('gpgconf', ['--list-dirs', 'agent-extra-socket'])
    const path = stdout.trim()
    if (path === '') throw new NoGpg('gpg on your computer has no socket for others')
    return new LaptopAgent(path, {
      answers: () => new AssuanAnswers(),
      greets: true,
      message: (line) => Buffer.concat([line, Buffer.from('\n')]),
    })
  }

  /** Finds out before anything is promised whether the agent lets others in. */
  async #reach(): Promise<void> {
    const agent = await this.open()
    try {
      await agent.ask(Buffer.from('NOP'))
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      throw new NoGpg(`gpg's agent on your computer does not answer at its socket for others: ${cause}`)
    } finally {
      agent.dispose()
    }
  }

  #run(command: string, args: readonly string[], signal?: AbortSignal) {
    const { env, folders, processes } = this.#platform
    const limit = AbortSignal.timeout(LIMIT)
    return processes.run(command, args, {
      cwd: folders.home,
      env,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
  }
}

/** Of the keys in a list with colons (gpg's doc/DETAILS): the first after each `sec`, which is the primary key's. */
function fingerprints(listing: string): string[] {
  const prints: string[] = []
  let isNext = false
  for (const line of listing.split('\n')) {
    const fields = line.split(':')
    if (fields[0] === 'sec') isNext = true
    else if (fields[0] === 'fpr' && isNext) {
      isNext = false
      if (/^[0-9A-F]{16,64}$/.test(fields[9] ?? '')) prints.push(fields[9] ?? '')
    }
  }
  return prints.slice(0, KEYS_MOST)
}
