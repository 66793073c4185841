import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Settings, type TemplateSettings } from '#contract'
import { systemClock } from '../platform/clock'
import { silentLogger } from '../platform/logger'
import { memoryKeychain } from '../platform/memory-keychain.suite'
import type { Platform } from '../platform/platform'
import type { Processes } from '../platform/processes'
import { createTemplates, type Templates } from './index'

const resources = join(dirname(fileURLToPath(import.meta.url)), '../../../resources')

/** A machine with a home of its own, Berth's own resources and the real git. */
export class TemplateMachine {
  readonly #processes: Processes
  readonly home = mkdtempSync(join(tmpdir(), 'berth-templates-'))
  readonly env: Record<string, string | undefined> = {
    PATH: process.env.PATH,
    HOME: this.home,
    GIT_CONFIG_NOSYSTEM: '1',
  }
  readonly #listeners = new Set<(settings: Settings) => void>()
  #settings = Settings.parse({})

  constructor(processes: Processes) {
    this.#processes = processes
  }

  /** Says who the user is, as `git config --global` does. */
  introduce(): void {
    writeFileSync(join(this.home, '.gitconfig'), '[user]\n\tname = Ada\n\temail = ada@example.com\n')
  }

  platform(): Platform {
    const folder = (name: string) => join(this.home, name)
    return {
      clock: systemClock,
      keychain: memoryKeychain(),
      logger: silentLogger,
      processes: this.#processes,
      folders: {
        home: this.home,
        config: folder('config'),
        cache: folder('cache'),
        state: folder('state'),
        temporary: tmpdir(),
        resources,
      },
      settings: {
        get: () => this.#settings,
        change: async (fields) => {
          this.#settings = Settings.parse({ ...this.#settings, ...fields })
          for (const listener of this.#listeners) listener(this.#settings)
          return this.#settings
        },
        onChange: (listener) => {
          this.#listeners.add(listener)
          return () => {
            this.#listeners.delete(listener)
          }
        },
      },
      env: this.env,
      version: '0.0.0',
    }
  }

  templates(settings: Partial<TemplateSettings> = {}): Templates & { readonly platform: Platform } {
    this.#settings = Settings.parse({ templates: settings })
    const platform = this.platform()
    return { ...createTemplates(platform), platform }
  }

  git(folder: string, ...args: readonly string[]): string {
    const identity = ['-c', 'user.name=Maintainer', '-c', 'user.email=m@example.com']
    return execFileSync('git', ['-C', folder, ...identity, ...args], {
      encoding: 'utf8',
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  }

  /** Writes files and commits them, in a new repository or one that is there; returns its file URL. */
  repository(name: string, files: Readonly<Record<string, string>>): string {
    const folder = join(this.home, 'served', name)
    mkdirSync(folder, { recursive: true })
    if (readdirSync(folder).length === 0) {
      this.git(folder, 'init', '--quiet')
      this.git(folder, 'symbolic-ref', 'HEAD', 'refs/heads/main')
    }
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    this.git(folder, 'add', '--all')
    this.git(folder, 'commit', '--quiet', '--message', 'Templates')
    return pathToFileURL(folder).href
  }

  dispose(): void {
    rmSync(this.home, { recursive: true, force: true })
  }
}

/** A template's description. */
export function described(id: string, more: object = {}): string {
  return JSON.stringify(
    { id, version: '1.2.3', name: `The ${id}`, description: 'For tests', ...more },
    null,
    2,
  )
}
