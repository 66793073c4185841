import type { StoredIdlePolicy } from '#contract'
import type { Clock } from '../platform/clock'
import type { AgentKeeper } from './agent/keeper'
import { Lines } from './agent/lines'
import { type Channel, ConnectionLost, OpenRefused, SshProtocolError } from './ssh/connection'

/** What was done last in a workspace. */
export interface ActivityFacts {
  /** As the agent calls it, and what it was about: see `activityText`. */
  readonly reason: string
  readonly what: string
  /** By this machine's clock, milliseconds since the epoch. */
  readonly at: number
}

/** Why the agent could not end its workspace: its first process is another user's, or not Berth's. */
export type CannotEnd = 'other-user' | 'own-command'

/** What is known of what is done in a workspace. */
export interface LinkActivity {
  /** Undefined where nothing was seen yet. */
  readonly last: ActivityFacts | undefined
  /** Whether there is an agent that sees what this engine does not. */
  readonly isWatched: boolean
  /** Whether the agent has said that it knows the policy. */
  readonly isArmed: boolean
  /** Undefined where it could, and where that is not known. */
  readonly cannotEnd: CannotEnd | undefined
  /** Somebody did something that goes over this engine. Cheap: the agent is told now and then. */
  mark(reason: string, what?: string): void
  /**
   * Looks after the workspace until the signal aborts: the agent is connected to, knows the policy, and leaves it to
   * whoever attends to end the workspace. `changed` is called whenever something here may have.
   */
  attend(policy: () => StoredIdlePolicy | undefined, changed: () => void, signal: AbortSignal): Attendance
  /** Has the agent told of what is marked, until the signal aborts, and leaves the workspace to others. */
  accompany(signal: AbortSignal): void
  /** Resolves once the agent has what was marked, where none can run, or when the signal aborts. Never rejects. */
  delivered(signal: AbortSignal): Promise<void>
}

export interface Attendance {
  /** The policy is another one now. */
  tell(): void
}

/** The same reason is worth a word again after this time, in milliseconds. */
const SAME_AGAIN = 5_000

/** How late an agent may hear of what it could not be told before, and take it for new, in milliseconds. */
const LATE = 10_000

/** Between two looks whether the agent can be told, and how long it may take to answer, milliseconds. */
const DELIVERY_LOOK = 50
const DELIVERY_LIMIT = 5_000

export interface ActivityDependencies {
  readonly agent: AgentKeeper
  readonly clock: Clock
  readonly ended: AbortSignal
}

/** A link's activity: what goes over this engine, and what the agent sees (PROTOCOL.md, `activity@berth.dev`). */
export class WorkspaceActivity implements LinkActivity {
  readonly #dependencies: ActivityDependencies
  readonly #marked = new Map<string, number>()
  readonly #changed = new Set<() => void>()
  readonly #policies = new Set<() => StoredIdlePolicy | undefined>()
  #companions = 0
  #last: ActivityFacts | undefined
  /** What was marked last while there was no agent to tell. */
  #untold: ActivityFacts | undefined
  #cannotEnd: CannotEnd | undefined
  /** The policy as it was told, and as the agent has it. */
  #told: string | undefined
  #known: string | undefined
  #channel: Channel | undefined
  #waiting = new AbortController()
  #running = false

  constructor(dependencies: ActivityDependencies) {
    this.#dependencies = dependencies
  }

  get last(): ActivityFacts | undefined {
    return this.#last
  }

  get isWatched(): boolean {
    return this.#channel !== undefined
  }

  get isArmed(): boolean {
    return this.isWatched && this.#told !== undefined && this.#told === this.#known
  }

  get cannotEnd(): CannotEnd | undefined {
    return this.#cannotEnd
  }

  mark(reason: string, what = ''): void {
    const now = this.#dependencies.clock.now()
    if (now - (this.#marked.get(reason) ?? Number.NEGATIVE_INFINITY) < SAME_AGAIN) return
    this.#marked.set(reason, now)
    const facts = { reason, what: what.slice(0, 100), at: now }
    this.#seen(facts)
    if (this.#channel) this.#write({ mark: { reason, what: facts.what } })
    else this.#untold = facts
  }

  attend(policy: () => StoredIdlePolicy | undefined, changed: () => void, signal: AbortSignal): Attendance {
    const end = AbortSignal.any([signal, this.#dependencies.ended])
    if (end.aborted) return { tell: () => undefined }
    this.#changed.add(changed)
    this.#policies.add(policy)
    end.addEventListener('abort', () => {
      this.#changed.delete(changed)
      this.#policies.delete(policy)
      this.#rest()
    })
    if (this.#running) this.#writePolicy()
    else void this.#run()
    return { tell: () => this.#writePolicy() }
  }

  accompany(signal: AbortSignal): void {
    if (signal.aborted) return
    this.#companions += 1
    signal.addEventListener('abort', () => {
      this.#companions -= 1
      this.#rest()
    })
    if (!this.#running) void this.#run()
  }

  async delivered(signal: AbortSignal): Promise<void> {
    const { agent, clock } = this.#dependencies
    const over = new AbortController()
    try {
      while (!this.#channel) {
        if (agent.problem) return
        await clock.sleep(DELIVERY_LOOK, signal)
      }
      // What it answers after has come before.
      const limit = clock.sleep(DELIVERY_LIMIT, AbortSignal.any([signal, over.signal]))
      await Promise.race([agent.connection?.ping(), limit])
    } catch {
      // It has to do without.
    } finally {
      over.abort()
    }
  }

  /** Lets the agent go where nobody wants it any more. */
  #rest(): void {
    if (this.#isWanted) return
    this.#waiting.abort()
    this.#channel?.destroy()
  }

  get #isWanted(): boolean {
    return this.#policies.size + this.#companions > 0
  }

  async #run(): Promise<void> {
    const { agent, ended } = this.#dependencies
    this.#running = true
    while (this.#isWanted && !ended.aborted) {
      this.#waiting = new AbortController()
      const stop = AbortSignal.any([ended, this.#waiting.signal])
      const connection = await agent.connected(undefined, stop).catch(() => undefined)
      if (stop.aborted) continue
      if (connection) {
        try {
          await this.#read(await connection.open('activity@berth.dev', Buffer.alloc(0), ended))
        } catch (error) {
          // An agent that is older knows no such thing, and what breaks is made again.
          const isExpected =
            error instanceof ConnectionLost ||
            error instanceof OpenRefused ||
            error instanceof SshProtocolError
          // So is the end of what nobody wanted any more, even if somebody does again.
          if (!isExpected && !stop.aborted) throw error
        } finally {
          this.#channel = undefined
          this.#cannotEnd = this.#told = this.#known = undefined
          this.#tell()
        }
      }
      if (!stop.aborted && agent.connection === connection) await agent.changed(stop)
    }
    this.#running = false
  }

  async #read(channel: Channel): Promise<void> {
    this.#channel = channel
    if (!this.#isWanted) channel.destroy()
    this.#writePolicy()
    const last = this.#last
    // Only what has just happened is worth telling.
    const within = last === this.#untold ? LATE : SAME_AGAIN
    if (last && this.#dependencies.clock.now() - last.at <= within)
      this.#write({ mark: { reason: last.reason, what: last.what } })
    this.#untold = undefined
    const lines = new Lines()
    try {
      for await (const chunk of channel) {
        const line = lines.push(chunk as Buffer).at(-1)
        if (line !== undefined) this.#heard(line)
      }
    } finally {
      channel.destroy()
    }
  }

  #heard(line: string): void {
    const { cannotEnd, policy, reason, what, ago } = parseActivity(line)
    this.#cannotEnd = cannotEnd
    this.#known = JSON.stringify(policy)
    const at = this.#dependencies.clock.now() - ago
    // What this engine saw and told is not news when it comes back.
    this.#seen({ reason, what, at })
    this.#tell()
  }

  #seen(facts: ActivityFacts): void {
    if (this.#last && this.#last.at > facts.at) return
    this.#last = facts
    this.#tell()
  }

  #tell(): void {
    for (const listener of [...this.#changed]) listener()
  }

  #writePolicy(): void {
    const policies = [...this.#policies]
    const policy = policies[0]?.()
    if (policies.length === 0) return
    const told: AgentPolicy | null = policy
      ? {
          after: policy.minutes * 60_000,
          end: policy.whileClosed,
          keepUntil: Math.round(policy.keepUntil ?? 0),
        }
      : null
    this.#told = JSON.stringify(told)
    this.#write({ policy: told })
  }

  #write(line: object): void {
    if (this.#channel && !this.#channel.destroyed) this.#channel.write(`${JSON.stringify(line)}\n`)
  }
}

/** As the agent has it; milliseconds. */
interface AgentPolicy {
  readonly after: number
  readonly end: boolean
  /** Since the epoch; 0: not kept. */
  readonly keepUntil: number
}

interface ToldActivity extends Omit<ActivityFacts, 'at'> {
  /** Milliseconds. */
  readonly ago: number
  readonly cannotEnd: CannotEnd | undefined
  readonly policy: AgentPolicy | null
}

/** Reads one line of the agent's. Throws {@link SshProtocolError}. */
export function parseActivity(line: string): ToldActivity {
  try {
    const { last, now, cannot, policy } = JSON.parse(line) as {
      readonly last?: { readonly reason?: unknown; readonly what?: unknown; readonly at?: unknown }
      readonly now?: unknown
      readonly cannot?: unknown
      readonly policy?: {
        readonly after?: unknown
        readonly end?: unknown
        readonly keepUntil?: unknown
      } | null
    }
    if (typeof last?.reason === 'string' && typeof last.at === 'number' && typeof now === 'number') {
      return {
        reason: last.reason,
        what: typeof last.what === 'string' ? last.what : '',
        ago: Math.max(0, now - last.at),
        cannotEnd: cannot === 'other-user' || cannot === 'own-command' ? cannot : undefined,
        policy: policy
          ? { after: Number(policy.after), end: policy.end === true, keepUntil: Number(policy.keepUntil) }
          : null,
      }
    }
  } catch {
    // Told below.
  }
  throw new SshProtocolError('an activity that does not say what it was')
}

/** Where nobody looks. */
export const noActivity: LinkActivity = {
  last: undefined,
  isWatched: false,
  isArmed: false,
  cannotEnd: undefined,
  mark: () => undefined,
  attend: () => ({ tell: () => undefined }),
  accompany: () => undefined,
  delivered: async () => undefined,
}
