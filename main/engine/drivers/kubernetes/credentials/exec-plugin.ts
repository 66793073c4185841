import { readFile } from 'node:fs/promises'
import { basename, delimiter, join } from 'node:path'
import { cancelled, type Problem, ProblemError, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { RunResult } from '../../../platform/processes'
import type { Cluster, ExecSettings } from '../kubeconfig/model'
import type { Authenticator, Credential, Refusal } from './authenticator'
import { type ExecResult, execRequest, parseExecCredential } from './exec-credential'
import { hintFor } from './exec-hints'
import { redact, secretValues } from './redact'
import { SharedTask } from './shared-task'
import { Slots } from './slots'

/** Milliseconds a plugin may take. One that asks a person at the terminal waits for hands. */
const TIMEOUT = 60_000
const INTERACTIVE_TIMEOUT = 300_000
/** Milliseconds before its expiry that a credential is not used any more: a request takes its time. */
const SLACK = 30_000
/** Milliseconds that a failure holds for those who ask next, so that many callers do not run it one after another. */
const FAILURE_HOLDS = 2_000
/** Milliseconds after the kill to wait for a process to be gone; one in an endless system call never is. */
const GONE = 7_000

/** Shared by all plugins of a process: a person answers one question at a time, and start-up is no stampede. */
export class ExecGate {
  readonly background = new Slots(8)
  readonly terminal = new Slots(1)
}

export interface ExecPluginOptions {
  readonly settings: ExecSettings
  readonly cluster: Cluster & { readonly server: string }
  /** Of its Problems. */
  readonly title: string
  readonly platform: Platform
  readonly gate: ExecGate
}

/**
 * A credential plugin (KEP-541): one process at a time, whose credential is kept until shortly before it expires, or
 * until the server refuses it.
 */
export class ExecPlugin implements Authenticator {
  readonly #options: ExecPluginOptions
  readonly #running: SharedTask<Credential>
  #kept: { readonly result: ExecResult; readonly until: number } | undefined
  #failed: { readonly error: ProblemError; readonly until: number } | undefined

  constructor(options: ExecPluginOptions) {
    this.#options = options
    this.#running = new SharedTask((signal) => this.#obtain(signal))
  }

  async current(signal?: AbortSignal): Promise<Credential> {
    const now = this.#options.platform.clock.now()
    if (this.#kept && now < this.#kept.until) return this.#kept.result.credential
    if (this.#failed && now < this.#failed.until) throw this.#failed.error
    return this.#running.ask(signal)
  }

  reject(credential?: Credential): void {
    if (!credential || credential === this.#kept?.result.credential) this.#kept = undefined
  }

  refusal(): Refusal {
    const { settings } = this.#options
    return {
      code: 'credentials-failed',
      cause: `The cluster did not accept what the credential plugin "${basename(settings.command)}" gave.`,
      remedy: hintFor(settings.command),
    }
  }

  dispose(): void {
    this.#running.dispose()
  }

  async #obtain(signal: AbortSignal): Promise<Credential> {
    const { clock } = this.#options.platform
    this.#failed = undefined
    try {
      const result = await this.#run(signal)
      const until = result.expiry === undefined ? Number.POSITIVE_INFINITY : result.expiry - SLACK
      this.#kept = { result, until }
      return result.credential
    } catch (error) {
      if (error instanceof ProblemError && error.problem.code !== 'cancelled') {
        this.#failed = { error, until: clock.now() + FAILURE_HOLDS }
      }
      throw error
    }
  }

  async #run(signal: AbortSignal): Promise<ExecResult> {
    const { settings, platform, gate } = this.#options
    const interactive = settings.interactiveMode !== 'Never' && platform.interactive?.() === true
    if (settings.interactiveMode === 'Always' && !interactive) {
      throw this.#problem({
        cause: `The credential plugin ${this.#name} wants to ask you something, and there is no terminal to do it.`,
        remedy:
          'Use Berth\'s command line in a terminal, or set the plugin\'s interactiveMode to "IfAvailable".',
      })
    }
    const release = await gate[interactive ? 'terminal' : 'background'].take(signal)
    try {
      const result = await this.#execute(interactive, signal)
      if (result.error || result.code !== 0) throw this.#ended(result)
      const parsed = parseExecCredential(result.stdout, settings.apiVersion)
      if ('fault' in parsed) {
        throw this.#problem({
          cause: `The credential plugin ${this.#name} did not give credentials. ${parsed.fault}`,
          remedy: hintFor(settings.command),
          ...this.#detail(result.stderr),
        })
      }
      return parsed
    } finally {
      release()
    }
  }

  async #execute(interactive: boolean, signal: AbortSignal): Promise<RunResult> {
    const { settings, platform } = this.#options
    const request = execRequest(settings, this.#options.cluster, await this.#ca(), interactive)
    const env = {
      ...platform.env,
      ...searchPath(platform),
      ...Object.fromEntries(settings.env),
      KUBERNETES_EXEC_INFO: JSON.stringify(request),
    }
    const late = new AbortController()
    const done = new AbortController()
    const limit = interactive ? INTERACTIVE_TIMEOUT : TIMEOUT
    const stop = AbortSignal.any([signal, late.signal])
    const asked = platform.processes.run(settings.command, settings.args, {
      env,
      signal: stop,
      // In a group of its own it would lose the terminal.
      ...(interactive ? { terminal: true } : { group: true }),
    })
    const quietly = () => undefined
    platform.clock.sleep(limit, done.signal).then(() => late.abort(), quietly)
    const unkillable = aborted(stop, done.signal).then(() => platform.clock.sleep(GONE, done.signal))
    try {
      const result = await Promise.race([asked, unkillable])
      if (signal.aborted) throw cancelled()
      if (late.signal.aborted || !result) {
        throw this.#problem({
          cause: `The credential plugin ${this.#name} gave no answer within ${limit / 1000} seconds, and was ended.`,
          remedy: hintFor(settings.command),
          ...this.#detail(result?.stderr ?? ''),
        })
      }
      return result
    } finally {
      done.abort()
      unkillable.catch(quietly)
    }
  }

  async #ca(): Promise<string | undefined> {
    const { settings, cluster } = this.#options
    if (!settings.provideClusterInfo) return undefined
    if (cluster.caData !== undefined || cluster.caFile === undefined) return cluster.caData
    return readFile(cluster.caFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw this.#problem({
        cause: `The certificate authority of the cluster cannot be read (${error.code}).`,
        remedy: `Check ${cluster.caFile}.`,
      })
    })
  }

  #ended({ error, code, stderr }: RunResult): ProblemError {
    const { settings } = this.#options
    if (error) {
      const missing = error.code === 'ENOENT'
      return this.#problem({
        cause: `The credential plugin ${this.#name} ${missing ? 'was not found' : `could not be started (${error.code})`}.`,
        remedy:
          settings.installHint?.trim() ||
          `Install ${this.#name}, and see that it is on the PATH that Berth has.`,
      })
    }
    return this.#problem({
      ...(/expired/i.test(stderr) && { code: 'credentials-expired' as const }),
      cause: `The credential plugin ${this.#name} ended with ${code === null ? 'a signal' : `exit code ${code}`}.`,
      remedy: hintFor(settings.command),
      ...this.#detail(stderr),
    })
  }

  get #name(): string {
    return `"${basename(this.#options.settings.command)}"`
  }

  #detail(stderr: string): { detail?: string } {
    const { env, args } = this.#options.settings
    const detail = redact(stderr, secretValues(env, args))
    return detail === '' ? {} : { detail }
  }

  #problem(fields: Partial<Problem> & Pick<Problem, 'cause' | 'remedy'>): ProblemError {
    return problem({ code: 'credentials-failed', title: this.#options.title, ...fields })
  }
}

/** Resolves when `signal` aborts; never where `done` aborts first, and leaves nothing behind then. */
function aborted(signal: AbortSignal, done: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: done })
  })
}

/** An application started from a desktop has not the PATH of a shell, where these plugins are installed. */
function searchPath({ env, folders: { home } }: Platform): { readonly PATH?: string } {
  if (process.platform === 'win32') return {}
  const usual = [
    '/usr/local/bin',
    '/opt/homebrew/bin',
    '/snap/bin',
    ...['.local/bin', 'bin', '.krew/bin', 'google-cloud-sdk/bin'].map((folder) => join(home, folder)),
  ]
  const own = (env.PATH ?? '/usr/bin:/bin').split(delimiter)
  return { PATH: [...own, ...usual.filter((folder) => !own.includes(folder))].join(delimiter) }
}
