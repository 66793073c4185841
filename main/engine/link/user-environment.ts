import { randomBytes } from 'node:crypto'
import type { Definition, Workspace } from '#contract'
import type { Driver, ExecProcess } from '../drivers/driver'
import type { Clock } from '../platform/clock'
import { type ExecContext, prepareExec } from './environment'
import { askingLine, type Keeping, type KeptPlace, keeping } from './kept-environment'
import { changedVariables } from './user-variables'

/** What the shell of the remote user adds to the container's environment (containers.dev, "userEnvProbe"). */
export interface ProbedEnvironment {
  readonly variables: Readonly<Record<string, string>>
  /** Why there is nothing, though something was asked for: in a sentence. */
  readonly note?: string
}

/** How long the shell's files have to end, milliseconds. */
const PROBE_LIMIT = 10_000
/** How long what they have begun in the background may keep the exec, milliseconds. */
const END_LIMIT = 500
/** Of all that the shell prints, in bytes. */
const OUTPUT_LIMIT = 1024 * 1024

const nothing: ProbedEnvironment = { variables: {} }

export interface UserEnvironmentDependencies {
  readonly workspace: () => Pick<Workspace, 'definition' | 'user' | 'incarnation'>
  readonly exec: (options: Parameters<Driver['exec']>[1], signal: AbortSignal) => Promise<ExecProcess>
  readonly clock: Clock
  readonly ended: AbortSignal
  /** Where it can be kept in the workspace for others. Absent: it is not. */
  readonly place?: () => KeptPlace
}

/** Asks the remote user's shell for its environment, once in each run of a workspace. */
export class UserEnvironment {
  readonly #dependencies: UserEnvironmentDependencies
  #known: { readonly run: string; readonly environment: Promise<ProbedEnvironment> } | undefined
  #keeping: Keeping | undefined

  constructor(dependencies: UserEnvironmentDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * As it was found out in this run of the workspace, or is now. Rejects where the workspace cannot be reached, or
   * `signal` aborts; that ends nobody else's wait.
   */
  async get(signal: AbortSignal): Promise<ProbedEnvironment> {
    const run = this.#run()
    if (this.#known?.run === run) return orAbort(this.#known.environment, signal)
    return this.renew(signal)
  }

  /** The same, asked anew: a container that has just been replaced may still go by its predecessor's name. */
  async renew(signal: AbortSignal): Promise<ProbedEnvironment> {
    const run = this.#run()
    const { definition, user } = this.#dependencies.workspace()
    const known = { run, environment: this.#probe({ definition, user }) }
    this.#known = known
    // What could not be asked is asked again.
    known.environment.catch(() => {
      if (this.#known === known) this.#known = undefined
    })
    return orAbort(known.environment, signal)
  }

  /** Whether {@link get} has to ask the shell now. */
  get isUnknown(): boolean {
    const { definition, user } = this.#dependencies.workspace()
    const isAsked = flagsOf(definition.userEnvProbe) !== undefined && user.shell !== undefined
    return isAsked && this.#known?.run !== this.#run()
  }

  /** What keeps it in the workspace, for the next command there: once, after it was asked for. */
  takeKeeping(): Keeping | undefined {
    const taken = this.#keeping
    this.#keeping = undefined
    return taken
  }

  #run(): string {
    const { incarnation, definition, user } = this.#dependencies.workspace()
    return JSON.stringify([incarnation, definition.userEnvProbe, user])
  }

  async #probe(context: ExecContext): Promise<ProbedEnvironment> {
    const { user, definition } = context
    const flags = flagsOf(definition.userEnvProbe)
    if (flags === undefined || user.shell === undefined) return nothing
    const { clock, exec, ended } = this.#dependencies
    const place = this.#dependencies.place?.()
    const mark = randomBytes(16).toString('hex')
    // Without remoteEnv, which comes on top of it.
    const prepared = prepareExec(
      { user, definition: { ...definition, remoteEnv: {} } },
      { command: probeCommand(user.shell, flags, mark, place && askingLine(place, mark)) },
    )
    const running = await exec(prepared, ended)
    running.stdin.on('error', () => undefined)
    running.stdin.end()
    running.stderr?.resume()
    const limit = new AbortController()
    try {
      const printed = readUntil(running, mark)
      const said = await Promise.race([
        printed,
        clock.sleep(PROBE_LIMIT, AbortSignal.any([limit.signal, ended])).then(() => 'late' as const),
      ])
      const shell = `The environment of ${user.name}'s shell (${user.shell}) is not known`
      const without = 'Commands run with that of the container'
      if (said === 'late')
        return {
          variables: {},
          note: `${shell}: its start-up files did not end within ${PROBE_LIMIT / 1000} seconds. ${without}.`,
        }
      const variables = changedVariables(said.split(mark), user.uid === 0)
      if (!variables)
        return { variables: {}, note: `${shell}: its start-up files did not come to their end. ${without}.` }
      await Promise.race([
        running.exit,
        clock.sleep(END_LIMIT, AbortSignal.any([limit.signal, ended])).catch(() => undefined),
      ])
      this.#keeping = place && keeping(place, mark, variables)
      return { variables }
    } finally {
      limit.abort()
      running.destroy()
    }
  }
}

/** How the shell is started; undefined: it is not. The default is containers.dev's. */
function flagsOf(probe: Definition['userEnvProbe'] = 'loginInteractiveShell'): readonly string[] | undefined {
  switch (probe) {
    case 'none':
      return undefined
    case 'interactiveShell':
      return ['-i']
    case 'loginShell':
      return ['-l']
    case 'loginInteractiveShell':
      return ['-l', '-i']
  }
}

/**
 * Prints the environment twice between marks: as the shell gets it, and as it has it then. The mark is put together
 * where it is printed, so that a shell that prints its commands does not print it. A shell that nobody knows is asked
 * without flags, which may mean anything to it. `first`: lines of `sh` before all that.
 */
export function probeCommand(shell: string, flags: readonly string[], mark: string, first = ':'): string[] {
  const half = mark.length / 2
  const say = `printf %s%s ${mark.slice(0, half)} ${mark.slice(half)}`
  const print = `${say}; cat /proc/self/environ || env -0; ${say}`
  // Whatever the shell says of its commands comes before it.
  const ownProcess = `sh -c '${print}'`
  const known = /^(?:ba|da|a|z|k|mk|fi)?sh$/.test(shell.slice(shell.lastIndexOf('/') + 1))
  return [
    'sh',
    '-c',
    `${first}\n${print}; exec "$@"`,
    'berth-environment',
    shell,
    ...(known ? flags : []),
    '-c',
    ownProcess,
  ]
}

/** All that is printed up to the last mark that is waited for, or to the end or the limit. */
async function readUntil({ stdout }: ExecProcess, mark: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  let marks = 0
  let tail = ''
  try {
    for await (const chunk of stdout) {
      const bytes = Buffer.from(chunk as Uint8Array)
      chunks.push(bytes)
      size += bytes.length
      const seen = tail + bytes.toString('latin1')
      marks += seen.split(mark).length - 1
      // Never a whole mark: that would be counted again.
      tail = seen.slice(-(mark.length - 1))
      if (marks >= 4 || size > OUTPUT_LIMIT) break
    }
  } catch {
    // A connection that breaks leaves what has come.
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Waits for what is under way, but no longer than until the signal. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
