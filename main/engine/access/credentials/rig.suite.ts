import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Consent, imageDefinition, Settings, type Workspace } from '#contract'
import { createLinks } from '../../link'
import { removeWithProcesses } from '../../link/agent/local-agent.suite'
import { LocalDriver } from '../../link/agent/local-driver.suite'
import { systemClock } from '../../platform/clock'
import { Collection } from '../../platform/collection'
import type { Logger } from '../../platform/logger'
import { memoryKeychain } from '../../platform/memory-keychain.suite'
import { nodeFolders } from '../../platform/node-folders'
import { nodeProcesses } from '../../platform/node-processes'
import type { Platform } from '../../platform/platform'
import { type Credentials, createCredentials } from '.'

const never = new AbortController().signal

/** For tests: a workspace that is this machine, with folders of its own and the agent as it is shipped. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-lend-'))
  /** Of the workspace's user. */
  readonly home = join(this.folder, 'home')
  readonly gnupg = join(this.home, 'gnupg')
  readonly place = join(this.folder, `berth-agent-${process.getuid?.()}`)
  readonly local: LocalDriver
  readonly workspaces = new Collection<Workspace>()
  readonly laptops: Laptop[] = []

  constructor() {
    mkdirSync(this.home)
    mkdirSync(this.gnupg, { mode: 0o700 })
    this.local = new LocalDriver({
      PATH: process.env.PATH ?? '',
      HOME: this.home,
      GNUPGHOME: this.gnupg,
      BERTH_AGENT_FOLDER: this.folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
    })
    this.workspaces.set({
      id: 'wone000001',
      targetId: 'docker:test',
      name: 'one',
      state: 'running',
      incarnation: '1',
      definition: { ...imageDefinition('image', 'one'), workspaceFolder: this.home },
      user: {
        name: 'me',
        uid: process.getuid?.() ?? 0,
        gid: process.getgid?.() ?? 0,
        home: this.home,
        shell: '/bin/sh',
      },
    } as unknown as Workspace)
  }

  laptop(name: string, options: { readonly attended?: () => boolean } = {}): Laptop {
    const laptop = new Laptop(this, name, options)
    this.laptops.push(laptop)
    return laptop
  }

  async dispose(): Promise<void> {
    for (const laptop of this.laptops) await laptop.dispose()
    this.local.cut()
    removeWithProcesses(this.folder)
  }
}

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** For tests: a computer with Berth, a git with a credential helper that knows one login for all, and an SSH agent. */
export class Laptop {
  readonly home: string
  readonly gnupg: string
  readonly credentials: Credentials
  /** All that the engine logged. */
  readonly log: string[] = []
  /** What was asked of the helper: `get`, `store`, `erase`, each with its input. */
  readonly env: Record<string, string | undefined>
  readonly #links: ReturnType<typeof createLinks>
  readonly #ends: (() => void)[] = []

  constructor(rig: Rig, name: string, options: { readonly attended?: () => boolean }) {
    this.home = join(rig.folder, name)
    this.gnupg = join(this.home, 'gnupg')
    mkdirSync(this.home)
    mkdirSync(this.gnupg, { mode: 0o700 })
    this.env = {
      PATH: process.env.PATH,
      HOME: this.home,
      GNUPGHOME: this.gnupg,
      GIT_CONFIG_NOSYSTEM: '1',
      SSH_AUTH_SOCK: join(this.home, 'keys.sock'),
    }
    const say =
      (level: string): Logger['info'] =>
      (message, fields) =>
        void this.log.push(JSON.stringify({ level, message, ...fields }))
    const platform: Platform = {
      clock: systemClock,
      logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
      processes: nodeProcesses,
      folders: {
        ...nodeFolders(this.env, join(import.meta.dirname, '../../../../resources')),
        temporary: this.home,
      },
      settings: {
        get: () => Settings.parse({}),
        change: async () => Settings.parse({}),
        onChange: () => () => undefined,
      },
      keychain: memoryKeychain(),
      env: this.env,
      version: '0.0.0',
    }
    const { workspaces } = rig
    this.#links = createLinks({ platform, workspaces, driverOf: () => rig.local.driver })
    this.credentials = createCredentials({
      platform,
      workspaces,
      links: this.#links,
      attended: options.attended ?? (() => true),
    })
  }

  /** Has the user's git know a login, by a helper of the usual kind that keeps its words. */
  knows(username: string, password: string): void {
    const helper = join(this.home, 'helper')
    writeFileSync(join(this.home, 'answer'), `username=${username}\npassword=${password}\n`)
    writeFileSync(
      helper,
      `#!/bin/sh\n{ echo "-- $1"; cat; } >>"$HOME/asked"\n[ "$1" != get ] || cat "$HOME/answer"\n`,
      { mode: 0o755 },
    )
    writeFileSync(join(this.home, '.gitconfig'), `[credential]\n\thelper = ${helper}\n`)
  }

  /** Starts an SSH agent with a key of this name; returns the public key. */
  async keys(name: string): Promise<string> {
    const path = this.env.SSH_AUTH_SOCK ?? ''
    const agent = spawn('ssh-agent', ['-D', '-a', path], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#ends.push(() => agent.kill('SIGKILL'))
    await new Promise((resolve) => agent.stdout.once('data', resolve))
    const key = join(this.home, 'key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key])
    execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: path } })
    return execFileSync('cat', [`${key}.pub`], { encoding: 'utf8' }).trim()
  }

  get link() {
    return this.#links.get('wone000001')
  }

  /** Runs a line of `sh` in the workspace, over the link. */
  async run(line: string, input = '', env: Record<string, string> = {}): Promise<Ran> {
    const running = await this.link.exec({ command: ['sh', '-c', line], env }, never)
    const ran = { stdout: '', stderr: '' }
    running.stdout.on('data', (chunk: Buffer) => {
      ran.stdout += chunk
    })
    running.stderr?.on('data', (chunk: Buffer) => {
      ran.stderr += chunk
    })
    running.stdin.end(input)
    const { code } = await running.exit
    return { code, ...ran }
  }

  /** The next question to the user. */
  question(): Promise<Consent> {
    const { consents } = this.credentials
    return new Promise((resolve) => {
      const look = () => {
        const [first] = consents.list()
        if (!first) return
        void stop()
        resolve(first)
      }
      const stop = consents.onChange(look)
      look()
    })
  }

  async answer(answer: 'once' | 'always' | 'deny'): Promise<Consent> {
    const consent = await this.question()
    await this.credentials.handlers['credentials.answer']({ consentId: consent.id, answer }, never)
    return consent
  }

  async dispose(): Promise<void> {
    await this.credentials.dispose()
    this.#links.dispose()
    for (const end of this.#ends.splice(0)) end()
  }
}

/** For tests: files below folders that hold a text. */
export function filesWith(text: string, folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name)
      return entry.isFile() && readFileSync(path).includes(text) ? [path] : []
    }),
  )
}
