import { type Activity, activityText, type StoredIdlePolicy, type Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import type { ActivityFacts, Link, LinkActivity } from '../../link/link'
import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import { Countdown, LOOK_EVERY } from './countdown'

/** Share of one processor above which a workspace is at work, and how often that is asked where no agent sees it. */
const BUSY_SHARE = 0.1
const STATS_EVERY = 30_000
/** A record is brought up to date after this time at most, where only the time of the same activity changes. */
const UP_TO_DATE = 10_000

export interface AttendantDependencies {
  readonly link: Link
  readonly clock: Clock
  readonly logger: Logger
  readonly workspace: () => Workspace | undefined
  readonly driver: () => Driver | undefined
  /** What is being done to it by this engine, in words; undefined: nothing. */
  readonly action: () => string | undefined
  readonly show: (activity: Activity) => void
  /** Its stop is near. Called once for each. */
  readonly warn: (activity: Activity, minutesLeft: number) => void
  /** Stops it. Rejects where that fails; it is tried again later then. */
  readonly stop: (policy: StoredIdlePolicy, last: string) => Promise<void>
}

/** Looks after one run of one workspace: shows what was done last in it, and stops it when nobody does anything. */
export class Attendant {
  readonly #dependencies: AttendantDependencies
  readonly #ended = new AbortController()
  readonly #countdown = new Countdown()
  readonly #beganAt: number
  readonly #tell: () => void
  #shown: Activity | undefined
  #policy: string
  #stopping = false
  #askedStats = 0
  #warned = false

  constructor(dependencies: AttendantDependencies) {
    this.#dependencies = dependencies
    const { clock, link } = dependencies
    this.#beganAt = clock.now()
    this.#policy = JSON.stringify(this.#currentPolicy())
    const attendance = link.activity.attend(
      () => this.#currentPolicy(),
      () => this.#look(),
      this.#ended.signal,
    )
    this.#tell = () => attendance.tell()
    void this.#run()
  }

  /** Its record may be another one. */
  changed(): void {
    const policy = JSON.stringify(this.#currentPolicy())
    if (policy !== this.#policy) {
      this.#policy = policy
      // Whoever is surprised by a shorter time has the whole warning.
      this.#countdown.forget()
      this.#tell()
    }
    this.#look()
  }

  dispose(): void {
    this.#ended.abort()
  }

  #currentPolicy(): StoredIdlePolicy | undefined {
    return this.#dependencies.workspace()?.idle
  }

  async #run(): Promise<void> {
    const { clock } = this.#dependencies
    const { signal } = this.#ended
    while (!signal.aborted) {
      this.#look()
      if (this.#currentPolicy()) void this.#askStats()
      try {
        await clock.sleep(LOOK_EVERY, signal)
      } catch {
        return
      }
    }
  }

  /** Processor time where there is no agent to see it. */
  async #askStats(): Promise<void> {
    const { clock, driver, link, workspace } = this.#dependencies
    const id = workspace()?.id
    if (link.activity.isWatched || id === undefined || clock.now() - this.#askedStats < STATS_EVERY) return
    this.#askedStats = clock.now()
    try {
      const stats = await driver()?.stats(id, this.#ended.signal)
      // An agent that has come meanwhile sees more, and a workspace that has just started is busy with that.
      if (stats && stats.cpu >= BUSY_SHARE && !link.activity.isWatched) link.activity.mark('processor')
    } catch {
      // Where that cannot be known, nothing else is lost by it.
    }
  }

  #look(): void {
    const { action, clock, link, workspace } = this.#dependencies
    const now = workspace()
    if (this.#ended.signal.aborted || this.#stopping || !now) return
    const doing = action()
    if (doing !== undefined) link.activity.mark('action', doing)
    const last = this.#lastActivity(link.activity)
    const text = activityText(last.reason, last.what)
    const base: Activity = { id: now.id, reason: text, at: last.at }
    const policy = now.idle
    if (!policy) {
      this.#countdown.forget()
      this.#show(base)
      return
    }
    const { stopsAt, warnsAt, isOver } = this.#countdown.look(clock.now(), last.at, policy)
    const onlyWhileOpen = policy.whileClosed ? this.#whyOnlyWhileOpen() : undefined
    this.#show({ ...base, stopsAt, warnsAt, ...(onlyWhileOpen !== undefined && { onlyWhileOpen }) })
    this.#warn({ ...base, stopsAt }, warnsAt)
    if (isOver && doing === undefined) void this.#stop(policy, text)
  }

  /** Of what was before this the agent alone knows: what this engine saw may be of another run. */
  #lastActivity({ isWatched, last }: LinkActivity): ActivityFacts {
    if (last && (isWatched || last.at >= this.#beganAt)) return last
    return { reason: 'began', what: '', at: this.#beganAt }
  }

  #warn(activity: Activity, warnsAt: number): void {
    const now = this.#dependencies.clock.now()
    const isNear = now >= warnsAt
    if (isNear && !this.#warned)
      this.#dependencies.warn(activity, Math.max(1, Math.round(((activity.stopsAt ?? now) - now) / 60_000)))
    this.#warned = isNear
  }

  #whyOnlyWhileOpen(): string | undefined {
    const { activity } = this.#dependencies.link
    if (!activity.isWatched) return 'Berth has no helper in this workspace'
    switch (activity.cannotEnd) {
      case 'other-user':
        return 'Its main process belongs to another user than its terminals'
      case 'own-command':
        return "It runs its image's own command, which would be started again"
      default:
        return undefined
    }
  }

  #show(activity: Activity): void {
    const shown = this.#shown
    const isNews =
      !shown ||
      shown.reason !== activity.reason ||
      shown.onlyWhileOpen !== activity.onlyWhileOpen ||
      (shown.stopsAt === undefined) !== (activity.stopsAt === undefined) ||
      Math.abs(activity.at - shown.at) >= UP_TO_DATE ||
      Math.abs((activity.stopsAt ?? 0) - (shown.stopsAt ?? 0)) >= UP_TO_DATE
    if (!isNews) return
    this.#shown = activity
    this.#dependencies.show(activity)
  }

  async #stop(policy: StoredIdlePolicy, last: string): Promise<void> {
    this.#stopping = true
    try {
      await this.#dependencies.stop(policy, last)
    } catch (error) {
      this.#dependencies.logger.warn('An idle workspace could not be stopped', { error: String(error) })
    } finally {
      // Should it go on, everybody is warned again.
      this.#countdown.forget()
      this.#warned = false
      this.#stopping = false
    }
  }
}
