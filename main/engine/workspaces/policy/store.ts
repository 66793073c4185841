import {
  type PolicyRecord,
  type PolicyRepository,
  type Problem,
  parseKubernetesTargetId,
  policyDefaults,
  policyRepositoryId,
  problem,
  type Target,
  toProblem,
} from '#contract'
import type { Driver } from '../../drivers/driver'
import { after } from '../../platform/clock'
import { Collection, type ReadonlyCollection } from '../../platform/collection'
import type { Platform } from '../../platform/platform'
import type { LoadedPolicy } from '../../policy/loaded'
import { readPolicy } from '../../policy/read'
import { fetchCopy, forgetCopy, keepCopy, type PolicyCopy, readCopy } from './copy'

/** How long a copy counts without a look at its place, milliseconds. */
const FRESH = 3_600_000
/** The same after a look that failed. */
const FRESH_AFTER_FAILURE = 60_000
/** How long a look may take, milliseconds: where a copy is there to go on with, and where there is none. */
const LOOK_WITH_COPY = 20_000
const LOOK = 120_000

/** What is held of one place. */
interface Held {
  readonly loaded?: LoadedPolicy
  /** Why it cannot be read; nothing is made then. */
  readonly problem?: Problem
  readonly copy?: PolicyCopy
  /** Not looked at again before. */
  readonly until: number
}

/** The team policies that hold: of the repositories of the settings, and of the namespaces that are used. */
export class PolicyStore {
  readonly #records = new Collection<PolicyRecord>()
  readonly #platform: Platform
  readonly #held = new Map<string, Held>()
  readonly #looking = new Map<string, Promise<void>>()
  readonly #ended = new AbortController()
  #repositories: readonly PolicyRepository[] = []
  readonly #unwatch: () => void | Promise<void>
  #stopTimer: () => void = () => undefined

  constructor(platform: Platform) {
    this.#platform = platform
    this.#take(platform.settings.get().policy.repositories)
    this.#unwatch = platform.settings.onChange(({ policy }) => {
      const before = new Set(this.#repositories.map(policyRepositoryId))
      this.#take(policy.repositories)
      for (const repository of policy.repositories)
        if (!before.has(policyRepositoryId(repository))) void this.#look(repository)
    })
  }

  get records(): ReadonlyCollection<PolicyRecord> {
    return this.#records
  }

  /** Looks at all repositories now and every hour, for a process that goes on. */
  keepCurrent(): void {
    void Promise.all(this.#repositories.map((repository) => this.#look(repository)))
    this.#stopTimer = after(this.#platform.clock, FRESH, () => {
      if (!this.#ended.signal.aborted) this.keepCurrent()
    })
  }

  #take(repositories: readonly PolicyRepository[]): void {
    const ids = new Set(repositories.map(policyRepositoryId))
    for (const repository of this.#repositories) {
      const id = policyRepositoryId(repository)
      if (ids.has(id)) continue
      this.#held.delete(id)
      this.#records.delete(id)
      void forgetCopy(this.#platform, repository)
    }
    this.#repositories = repositories
    for (const repository of repositories) {
      const id = policyRepositoryId(repository)
      if (!this.#records.get(id))
        this.#records.set({ id, origin: { kind: 'repository', repository }, state: 'reading' })
    }
  }

  /**
   * What holds on a target, the settings' repositories in their order and its namespace last. Rejects with
   * `policy-unreadable` where one of them cannot be known: what it says is not left out.
   */
  async holding(
    target: Pick<Target, 'id' | 'name'>,
    driver: Pick<Driver, 'cluster'>,
    signal: AbortSignal,
  ): Promise<readonly LoadedPolicy[]> {
    const ofTeam = await this.#ofRepositories(signal)
    const ofNamespace = await this.#ofNamespace(target, driver, signal)
    return ofNamespace ? [...ofTeam, ofNamespace] : ofTeam
  }

  /** The target for new workspaces that a policy names; undefined where none does, or the user has one. */
  async preferred(targets: readonly Target[], signal: AbortSignal): Promise<string | undefined> {
    const { policy } = this.#platform.settings.get()
    if (
      (this.#repositories.length === 0 && !policy.invalid) ||
      this.#platform.settings.get().defaultTarget !== undefined
    )
      return undefined
    await this.#ofRepositories(signal)
    return policyDefaults(
      this.#records.list(),
      targets.map(({ id }) => id),
    )[0]
  }

  /** Looks again, at one place or at all. Never rejects: what comes of it is in the records. */
  async refresh(
    id: string | undefined,
    clusters: readonly { readonly target: Target; readonly driver: Driver }[],
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all([
      ...this.#repositories
        .filter((repository) => id === undefined || policyRepositoryId(repository) === id)
        .map((repository) => this.#look(repository)),
      ...clusters
        .filter(({ target }) => id === undefined || id === namespaceId(target.id))
        .map(({ target, driver }) => this.#ofNamespace(target, driver, signal).catch(() => undefined)),
    ])
  }

  async #ofRepositories(signal: AbortSignal): Promise<readonly LoadedPolicy[]> {
    if (this.#platform.settings.get().policy.invalid) throw problem(unknownPlaces)
    const found = await Promise.all(
      this.#repositories.map(async (repository) => {
        const id = policyRepositoryId(repository)
        if (!this.#held.has(id)) await this.#remember(repository)
        const known = this.#held.get(id)
        if (!known || known.until <= this.#platform.clock.now()) await orAbort(this.#look(repository), signal)
        const held = this.#held.get(id)
        if (held?.loaded) return this.#told(id, held.loaded)
        throw problem(held?.problem ?? unknownPolicy(repository, undefined))
      }),
    )
    return found
  }

  /** An earlier copy says that it is one wherever it is applied. */
  #told(id: string, loaded: LoadedPolicy): LoadedPolicy {
    const { state, readAt = 0, commit } = this.#records.get(id) ?? {}
    if (state !== 'old') return loaded
    const at = commit === undefined ? '' : ` at commit ${commit.slice(0, 12)}`
    return {
      ...loaded,
      note: `An earlier copy holds, read ${new Date(readAt).toISOString().slice(0, 16)}Z${at}: its repository does not answer`,
    }
  }

  /** Takes up what an earlier process has left. */
  async #remember(repository: PolicyRepository): Promise<void> {
    const copy = await readCopy(this.#platform, repository)
    const id = policyRepositoryId(repository)
    if (!copy || this.#held.has(id)) return
    const held = this.#read(repository, copy)
    // A mistake may have been mended since.
    const until = held.loaded && copy.readAt <= this.#platform.clock.now() ? copy.readAt + FRESH : 0
    this.#hold(repository, { ...held, copy, until }, 'current')
  }

  #read(repository: PolicyRepository, { text, commit }: PolicyCopy): Pick<Held, 'loaded' | 'problem'> {
    const { url, path = 'berth.yaml' } = repository
    if (text === undefined) return { problem: noFile(repository) }
    const found = readPolicy(path, Buffer.from(text, 'latin1'))
    const origin = `${url}${commit ? ` at ${commit.slice(0, 12)}` : ''}`
    return 'loaded' in found
      ? { loaded: { ...found.loaded, origin } }
      : { problem: withMistake(found.problems, origin) }
  }

  #hold(repository: PolicyRepository, held: Held, state: 'current' | 'old', failure?: Problem): void {
    const id = policyRepositoryId(repository)
    // It may be none of the settings any more.
    if (!this.#records.get(id)) return
    this.#held.set(id, held)
    const told = held.problem ?? failure
    this.#records.set({
      id,
      origin: { kind: 'repository', repository },
      state: held.loaded ? state : 'failed',
      ...(held.copy?.commit && { commit: held.copy.commit }),
      ...(held.copy && { readAt: held.copy.readAt }),
      ...(held.loaded && { policy: held.loaded.policy }),
      ...(told && { problem: told }),
    })
  }

  /** One look at a time for each; who comes later waits for the same. Never rejects. */
  #look(repository: PolicyRepository): Promise<void> {
    const id = policyRepositoryId(repository)
    const under = this.#looking.get(id)
    if (under) return under
    const looking = this.#lookNow(repository).finally(() => this.#looking.delete(id))
    this.#looking.set(id, looking)
    return looking
  }

  async #lookNow(repository: PolicyRepository): Promise<void> {
    const id = policyRepositoryId(repository)
    if (!this.#held.has(id)) await this.#remember(repository)
    const known = this.#held.get(id)
    const { clock } = this.#platform
    const limit = AbortSignal.timeout(known?.loaded ? LOOK_WITH_COPY : LOOK)
    try {
      const copy = await fetchCopy(this.#platform, repository, AbortSignal.any([this.#ended.signal, limit]))
      const held = this.#read(repository, copy)
      this.#hold(repository, { ...held, copy, until: held.loaded ? clock.now() + FRESH : 0 }, 'current')
      if (this.#records.get(id)) await keepCopy(this.#platform, repository, copy)
    } catch (error) {
      if (this.#ended.signal.aborted) return
      const failure = limit.aborted ? noAnswer(repository) : toProblem(error)
      const until = clock.now() + FRESH_AFTER_FAILURE
      if (known?.copy) this.#hold(repository, { ...known, until }, 'old', failure)
      else this.#hold(repository, { problem: unknownPolicy(repository, failure), until: 0 }, 'current')
    }
  }

  async #ofNamespace(
    { id: targetId, name }: Pick<Target, 'id' | 'name'>,
    { cluster }: Pick<Driver, 'cluster'>,
    signal: AbortSignal,
  ): Promise<LoadedPolicy | undefined> {
    if (!cluster?.policy) return undefined
    const id = namespaceId(targetId)
    const origin = { kind: 'cluster', targetId } as const
    const told = await cluster.policy(signal)
    if (told.kind === 'none') this.#records.delete(id)
    if (told.kind === 'forbidden') this.#records.set({ id, origin, state: 'unseen' })
    if (told.kind !== 'found') return undefined
    const { namespace } = parseKubernetesTargetId(targetId)
    const found = readPolicy('berth.yaml', Buffer.from(told.text, 'utf8'))
    const readAt = this.#platform.clock.now()
    if ('loaded' in found) {
      this.#records.set({ id, origin, state: 'current', readAt, policy: found.loaded.policy })
      return { ...found.loaded, origin: `ConfigMap berth-policy of ${name}` }
    }
    const failure = withMistake(found.problems, `the ConfigMap berth-policy in the namespace ${namespace}`)
    this.#records.set({ id, origin, state: 'failed', readAt, problem: failure })
    throw problem(failure)
  }

  async dispose(): Promise<void> {
    this.#ended.abort()
    this.#stopTimer()
    await this.#unwatch()
    await Promise.all(this.#looking.values())
  }
}

const namespaceId = (targetId: string) => `cluster:${targetId}`

/** The first mistake as what keeps a workspace from being made; the others with it. */
function withMistake(problems: readonly Problem[], origin: string): Problem {
  const [first, ...rest] = problems
  if (!first) throw new Error('A policy without a mistake was told as one that has some')
  return {
    ...first,
    title: `The team policy has a mistake: ${first.title}`,
    remedy: `${first.remedy} Until whoever keeps the policy in ${origin} has corrected it, no workspace is made that it governs.`,
    detail: [
      `${first.detail ?? ''}\n${origin}`,
      ...rest.map(({ cause, detail }) => `${cause}\n${detail ?? ''}`),
    ].join('\n\n'),
    actions: [{ kind: 'settings', label: 'Team policies' }],
  }
}

function noFile({ url, path = 'berth.yaml', branch }: PolicyRepository): Problem {
  return {
    code: 'policy-unreadable',
    title: `There is no team policy in ${url}`,
    cause: `The repository has no file ${path}${branch === undefined ? '' : ` on its branch ${branch}`}.`,
    remedy: 'Correct the path or the branch, or remove it from the team policies in the settings.',
    actions: [{ kind: 'settings', label: 'Team policies' }],
  }
}

const unknownPlaces: Problem = {
  code: 'policy-unreadable',
  title: 'It cannot be read which team policies there are',
  cause: 'What settings.json says under "policy" is not valid.',
  remedy:
    'Add the policies again in the settings, or with `berth policy add`; or correct settings.json, or remove "policy" from it, and start Berth again.',
  actions: [{ kind: 'settings', label: 'Team policies' }],
}

function noAnswer({ url }: PolicyRepository): Problem {
  return {
    code: 'git-unreachable',
    title: `${url} does not answer`,
    cause: 'Its server took too long.',
    remedy: 'Check the network, and try again.',
  }
}

function unknownPolicy({ url }: PolicyRepository, failure: Problem | undefined): Problem {
  return {
    code: 'policy-unreadable',
    title: 'A team policy is not known yet',
    cause: `It comes from ${url}, which was never read. ${failure?.cause ?? ''}`.trim(),
    remedy: `${failure?.remedy ? `${failure.remedy} ` : ''}Or remove it from the team policies: in the settings, or with \`berth policy remove\`.`,
    ...(failure?.detail && { detail: failure.detail }),
    actions: [{ kind: 'settings', label: 'Team policies' }],
  }
}

/** Waits no longer than until the signal. */
function orAbort(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
