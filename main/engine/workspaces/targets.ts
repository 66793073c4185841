import { type Problem, type Target, toProblem } from '#contract'
import type { Driver, DriverProvider, TargetDescription, WatchEvent } from '../drivers/driver'
import { Collection } from '../platform/collection'
import type { Disposer } from '../platform/disposable'
import type { Platform } from '../platform/platform'

export interface TargetsListener {
  /** What a target said of its workspaces. */
  onWatch(targetId: string, event: WatchEvent): void
  /** The target's record changed, or it is gone. */
  onTarget(targetId: string): void
}

interface Entry {
  description: TargetDescription
  readonly provider: DriverProvider
  readonly driver: Driver
  readonly controller: AbortController
  /** Ends the present watch so that another begins at once, without waiting for its backoff. */
  rewatch: AbortController
  /** Counts what the watch said of the connection, so that an older answer does not overrule a newer one. */
  heard: number
  readonly running: Promise<void>
}

/** Before a watch is begun again that broke or does not fit what else is seen, milliseconds. */
const retryAfter = 2000

/** Watches every target of every provider for as long as it is configured; each heals by itself. */
export class Targets {
  readonly collection = new Collection<Target>()
  readonly #entries = new Map<string, Entry>()
  readonly #platform: Platform
  readonly #listener: TargetsListener
  readonly #providers: readonly DriverProvider[]
  readonly #stops: Disposer[] = []
  readonly #first = new Map<string, () => void>()
  readonly #closing = new Set<Promise<void>>()

  constructor(platform: Platform, providers: readonly DriverProvider[], listener: TargetsListener) {
    this.#platform = platform
    this.#listener = listener
    this.#providers = providers
  }

  /** Begins to watch. Resolves once every target that is configured now has answered, or failed to. */
  async start(): Promise<void> {
    const waits: Promise<void>[] = []
    const told = this.#providers.map(
      (provider) =>
        new Promise<void>((tell) => {
          const stop = provider.watchTargets((descriptions) => {
            for (const added of this.#configure(provider, descriptions)) {
              waits.push(new Promise((resolve) => this.#first.set(added, resolve)))
            }
            tell()
          })
          this.#stops.push(stop)
        }),
    )
    await Promise.all(told)
    await Promise.all(waits)
  }

  driver(targetId: string): Driver | undefined {
    return this.#entries.get(targetId)?.driver
  }

  #configure(provider: DriverProvider, descriptions: readonly TargetDescription[]): string[] {
    const wanted = new Map(descriptions.map((description) => [description.id, description]))
    for (const [id, entry] of this.#entries) {
      if (entry.provider !== provider) continue
      const now = wanted.get(id)
      // Whether it is the default says nothing about the connection; everything else does.
      const same = now && sameConnection(now, entry.description)
      if (same && now) {
        entry.description = now
        this.collection.patch(id, { name: now.name, isDefault: now.isDefault })
        wanted.delete(id)
      } else this.#remove(id)
    }
    for (const record of this.collection.list()) {
      if (record.kind === provider.kind && !this.#entries.has(record.id) && !wanted.has(record.id)) {
        this.#forget(record.id)
      }
    }
    for (const description of wanted.values()) this.#add(provider, description)
    return [...wanted.keys()].filter((id) => this.#entries.has(id))
  }

  #add(provider: DriverProvider, description: TargetDescription): void {
    const { problem, ...shown } = description
    this.collection.set({
      ...shown,
      kind: provider.kind,
      state: problem ? 'unreachable' : 'connecting',
      ...(problem ? { problem } : {}),
    })
    this.#listener.onTarget(description.id)
    if (problem) return
    const driver = provider.open(description)
    const controller = new AbortController()
    const entry: Entry = {
      description,
      provider,
      driver,
      controller,
      rewatch: new AbortController(),
      heard: 0,
      running: Promise.resolve().then(() => this.#follow(entry)),
    }
    this.#entries.set(description.id, entry)
  }

  async #follow(entry: Entry): Promise<void> {
    const { driver, controller } = entry
    const id = driver.targetId
    while (!controller.signal.aborted) {
      entry.rewatch = new AbortController()
      const signal = AbortSignal.any([controller.signal, entry.rewatch.signal])
      try {
        for await (const event of driver.watch(signal)) {
          if (signal.aborted) break
          this.#listener.onWatch(id, event)
          if (event.type === 'unreachable') {
            entry.heard += 1
            this.#unreachable(id, event.problem)
          } else if (event.type === 'snapshot') {
            entry.heard += 1
            // Not awaited: what changes in the meantime is told at once.
            void this.#ask(entry)
          }
        }
      } catch (error) {
        // A driver's watch never rejects; one that does must not take the others with it.
        this.#platform.logger.error('A watch broke', { target: id, error: String(error) })
        this.#unreachable(id, toProblem(error, 'The target could not be watched'))
      }
      if (!signal.aborted) {
        await this.#platform.clock.sleep(retryAfter, signal).catch(() => undefined)
      }
    }
  }

  /** Asks who is there. An answer makes the target ready, a failure unreachable. */
  async #ask(entry: Entry, signal: AbortSignal = entry.controller.signal): Promise<void> {
    const id = entry.driver.targetId
    const { heard } = entry
    const outdated = () => this.#entries.get(id) !== entry || entry.heard !== heard
    try {
      const facts = await entry.driver.probe(AbortSignal.any([signal, entry.controller.signal]))
      if (outdated()) return
      const { problem: _past, ...record } = this.collection.get(id) ?? this.#bare(entry)
      const { data, prebuilds, cluster } = entry.driver
      const capabilities = {
        ...facts.capabilities,
        // For a cluster it depends on who builds for it, and where that is kept.
        ...(cluster ? {} : { prebuilds: prebuilds !== undefined }),
        keepsSnapshots: data?.sharesSnapshots === true,
      }
      this.collection.set({ ...record, ...facts, capabilities, state: 'ready' })
      this.#answered(id)
      this.#listener.onTarget(id)
    } catch (error) {
      const aborted = entry.controller.signal.aborted || signal.aborted
      if (aborted || outdated()) return
      this.#unreachable(id, toProblem(error))
      void this.#watchAnew(entry)
    }
  }

  /** A watch that goes on while the target does not answer would never tell that it answers again. */
  async #watchAnew(entry: Entry): Promise<void> {
    const { rewatch } = entry
    await this.#platform.clock.sleep(retryAfter, entry.controller.signal).catch(() => undefined)
    rewatch.abort()
  }

  #bare(entry: Entry): Target {
    const { problem: _problem, ...shown } = entry.description
    return { ...shown, kind: entry.driver.kind, state: 'connecting' }
  }

  #unreachable(id: string, problem: Problem): void {
    this.collection.patch(id, { state: 'unreachable', problem })
    this.#answered(id)
    this.#listener.onTarget(id)
  }

  #answered(id: string): void {
    this.#first.get(id)?.()
    this.#first.delete(id)
  }

  /** Asks now. How it went is in the collection. False when there is no such target. */
  async probe(targetId: string, signal: AbortSignal): Promise<boolean> {
    const entry = this.#entries.get(targetId)
    if (!entry) return this.collection.get(targetId) !== undefined
    const before = this.collection.get(targetId)?.state
    await this.#ask(entry, signal)
    // Reachable again: the watch need not wait for its own next try.
    if (before === 'unreachable' && this.collection.get(targetId)?.state === 'ready') entry.rewatch.abort()
    return true
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.delete(id)
    const closing = this.#close(entry)
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
    this.#forget(id)
  }

  #forget(id: string): void {
    this.collection.delete(id)
    this.#answered(id)
    this.#listener.onTarget(id)
  }

  async #close(entry: Entry): Promise<void> {
    entry.controller.abort()
    entry.rewatch.abort()
    await entry.driver.dispose().catch((error: unknown) => {
      this.#platform.logger.warn('A target did not close cleanly', { error: String(error) })
    })
    await entry.running
  }

  async dispose(): Promise<void> {
    for (const stop of this.#stops) await stop()
    const entries = [...this.#entries.values()]
    this.#entries.clear()
    await Promise.all([...entries.map((entry) => this.#close(entry)), ...this.#closing])
    for (const id of [...this.#first.keys()]) this.#answered(id)
  }
}

function sameConnection(left: TargetDescription, right: TargetDescription): boolean {
  const part = ({ id, endpoint, problem }: TargetDescription) => JSON.stringify([id, endpoint, problem])
  return part(left) === part(right)
}
