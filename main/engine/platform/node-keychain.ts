import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ProblemError, problem } from '#contract'
import type { Keychain } from './keychain'
import { makeFolder } from './make-folder'
import type { Processes, RunResult } from './processes'

/** What Berth's entries are found by. */
const SERVICE = 'berth'
/** How long the system may take, in milliseconds: it may ask the user to unlock it. */
const LIMIT = 120_000
/** `security` reads lines of at most 4096 characters, `secret-tool` values of 8192: what is longer is kept in pieces. */
const PIECE = 3_000

type Environment = Readonly<Record<string, string | undefined>>

/** What the keychains run the system's own program with. `input` goes to its stdin; secrets go nowhere else. */
type Run = (command: string, args: readonly string[], input?: string) => Promise<RunResult>

export interface KeychainOptions {
  readonly processes: Processes
  readonly env: Environment
  /** Berth's folder for preferences; of use where the system encrypts and keeps nothing itself. */
  readonly folder: string
  readonly system?: NodeJS.Platform
}

/** The keychain of this machine, by the program that its system has for it. Nothing is run before the first verb. */
export function createNodeKeychain({
  processes,
  env,
  folder,
  system = process.platform,
}: KeychainOptions): Keychain {
  const run: Run = (command, args, input) =>
    processes.run(command, args, {
      env,
      signal: AbortSignal.timeout(LIMIT),
      ...(input === undefined ? {} : { input }),
    })
  if (system === 'darwin') return ofMac(run)
  if (system === 'win32') return ofWindows(run, join(folder, 'keychain'))
  return ofSecretService(run)
}

// Base64, so that no program has to keep line ends, and none trims them.
const encode = (secret: string) => Buffer.from(secret, 'utf8').toString('base64')
const decode = (text: string) => Buffer.from(text.trim(), 'base64').toString('utf8')

/** A program that keeps short texts by names, of which {@link inPieces} makes a keychain. */
interface Drawer {
  read(name: string): Promise<string | undefined>
  write(name: string, text: string, label: string): Promise<void>
  /** Whether there was one. */
  drop(name: string): Promise<boolean>
}

/** Keeps what is longer than the program reads as several texts, each of which says whether another one follows. */
function inPieces({ read, write, drop }: Drawer): Keychain {
  const piece = (name: string, index: number) => (index === 0 ? name : `${name}.${index}`)
  return {
    async get(name) {
      const found: string[] = []
      for (;;) {
        const text = await read(piece(name, found.length))
        if (text === undefined) return undefined
        found.push(text.slice(1))
        if (!text.startsWith('+')) return decode(found.join(''))
      }
    },
    async set(name, secret, label) {
      const text = encode(secret)
      const count = Math.max(1, Math.ceil(text.length / PIECE))
      for (let index = 0; index < count; index++) {
        const mark = index < count - 1 ? '+' : '.'
        await write(piece(name, index), mark + text.slice(index * PIECE, (index + 1) * PIECE), label)
      }
    },
    async remove(name) {
      for (let index = 0; await drop(piece(name, index)); index++);
    },
  }
}

/** GNOME's keyring, KWallet and KeePassXC, by libsecret's program (secret-tool(1)). */
function ofSecretService(run: Run): Keychain {
  const attributes = (name: string) => ['application', SERVICE, 'name', name]
  const check = (result: RunResult) => {
    if (result.error?.code === 'ENOENT')
      throw unavailable(
        'There is no “secret-tool”, by which programs reach it.',
        'Install libsecret-tools, and gnome-keyring or KWallet where there is none.',
      )
    if (result.code === 0) return
    throw unavailable(
      said(result) || 'It did not answer.',
      'Install and unlock gnome-keyring or KWallet, in a session that has D-Bus.',
    )
  }
  /** What is not there ends with 1 as well, and says nothing. */
  const isMissing = (result: RunResult) => result.code === 1 && !said(result)
  const read = async (name: string) => {
    const result = await run('secret-tool', ['lookup', ...attributes(name)])
    if (isMissing(result)) return undefined
    check(result)
    return result.stdout.trim()
  }
  return inPieces({
    read,
    async write(name, text, label) {
      check(await run('secret-tool', ['store', `--label=${label}`, ...attributes(name)], text))
    },
    async drop(name) {
      if ((await read(name)) === undefined) return false
      const result = await run('secret-tool', ['clear', ...attributes(name)])
      if (!isMissing(result)) check(result)
      return true
    },
  })
}

/** The login keychain, by security(1), which reads commands from its stdin. */
function ofMac(run: Run): Keychain {
  const program = '/usr/bin/security'
  /** SecKeychainItemNotFound, as an exit code. */
  const missing = 44
  const check = (result: RunResult) => {
    if (result.code !== 0)
      throw unavailable(said(result) || 'It did not answer.', 'Unlock your login keychain.')
  }
  return inPieces({
    async read(name) {
      const result = await run(program, ['find-generic-password', '-s', SERVICE, '-a', name, '-w'])
      if (result.code === missing) return undefined
      check(result)
      return result.stdout.trim()
    },
    async write(name, text, label) {
      // With `-i` the exit code tells nothing of a command that failed; its words do.
      const line = `add-generic-password -U -s ${SERVICE} -a ${name} -l ${quoted(label)} -w ${text}\n`
      const result = await run(program, ['-i'], line)
      check(said(result) ? { ...result, code: result.code || 1 } : result)
    },
    async drop(name) {
      const result = await run(program, ['delete-generic-password', '-s', SERVICE, '-a', name])
      if (result.code === missing) return false
      check(result)
      return true
    },
  })
}

/** A word of security(1)'s own command lines. */
function quoted(text: string): string {
  return `"${text.replace(/[^\w .:/-]/g, '')}"`
}

/** Data protection of Windows (ProtectedData, scope CurrentUser): it encrypts, and a file keeps what comes out. */
function ofWindows(run: Run, folder: string): Keychain {
  const file = (name: string) => join(folder, name.replace(/[^\w-]/g, '_'))
  const call = async (verb: 'Protect' | 'Unprotect', text: string): Promise<string> => {
    const script = [
      "$ErrorActionPreference='Stop'",
      'Add-Type -AssemblyName System.Security',
      '$b=[Convert]::FromBase64String([Console]::In.ReadToEnd().Trim())',
      `$o=[Security.Cryptography.ProtectedData]::${verb}($b,$null,'CurrentUser')`,
      '[Console]::Out.Write([Convert]::ToBase64String($o))',
    ].join(';')
    const result = await run(
      'powershell.exe',
      ['-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-Command', script],
      text,
    )
    if (result.code === 0) return result.stdout.trim()
    throw unavailable(
      said(result) || 'PowerShell could not be run.',
      'Log in as the user who stored the secret, and set it again if that does not help.',
    )
  }
  return {
    async get(name) {
      let kept: string
      try {
        kept = await readFile(file(name), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw unavailable(String(error), `Check that ${folder} can be read.`)
      }
      return decode(await call('Unprotect', kept))
    },
    async set(name, secret) {
      const kept = await call('Protect', encode(secret))
      try {
        await makeFolder(folder, 0o700)
        const temporary = `${file(name)}.${process.pid}.new`
        await writeFile(temporary, kept, { mode: 0o600 })
        await rename(temporary, file(name))
      } catch (error) {
        throw unavailable(String(error), `Check that ${folder} can be written.`)
      }
    },
    async remove(name) {
      await rm(file(name), { force: true }).catch((error: unknown) => {
        throw unavailable(String(error), `Check that ${folder} can be written.`)
      })
    },
  }
}

const said = ({ stderr, error }: RunResult) => (stderr.trim() || error?.message || '').slice(0, 500)

function unavailable(cause: string, remedy: string): ProblemError {
  return problem({
    code: 'keychain-unavailable',
    title: 'The system’s keychain cannot be used',
    cause: `Berth stores secrets only where the system keeps them encrypted for you. ${cause}`,
    remedy: `${remedy} Until then a secret can be given for one workspace as it is made.`,
  })
}
