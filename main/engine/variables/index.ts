import { randomUUID } from 'node:crypto'
import {
  type Problem,
  problem,
  type RequestOutput,
  toProblem,
  type VariableScope,
  type Workspace,
} from '#contract'
import type { Driver } from '../drivers/driver'
import { type HeldVariables, noHeldVariables } from '../link/variables-file'
import type { ReadonlyCollection } from '../platform/collection'
import type { Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import type { HandedVariables, WorkspaceVariables } from '../workspaces/index'
import { GivenNames } from './given-names'
import { fromKept, isSame, mergeVariables, toKept } from './merge'
import { VariablesPlace } from './place'
import { projectKey } from './project'
import { VariableStore } from './store'

/** Creations whose values are remembered, so that one that failed can be asked for again. */
const REMEMBERED = 20

export interface VariablesDependencies {
  readonly platform: Platform
  /** `user@host` of this engine: only what it has made gets what is for all of the user's workspaces. */
  readonly owner: string
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driverOf: (workspaceId: string) => Driver | undefined
  /** Resolves once every target has answered, or failed to. */
  readonly settled: () => Promise<void>
}

export interface Variables extends WorkspaceVariables {
  readonly handlers: Pick<Handlers, `variables.${'list' | 'set' | 'remove' | 'give'}`>
}

/** What of a change is for one name alone; see {@link mergeVariables}. */
interface Occasion {
  readonly given?: Readonly<Record<string, string>> | undefined
  readonly decided?: string
}

/** Whether what can be had is in the workspace, besides. */
interface Handed extends HandedVariables {
  readonly isThere: boolean
}

/** The user's variables, and how workspaces come by them. */
export function createVariables(dependencies: VariablesDependencies): Variables {
  const { platform, owner, workspaces, driverOf, settled } = dependencies
  const store = new VariableStore(platform)
  const givenNames = new GivenNames(platform)
  const givens = new Map<string, Readonly<Record<string, string>>>()
  /** Of each workspace, one after another: each writes what it has read. */
  const turns = new Map<string, Promise<unknown>>()

  const scopesOf = ({ id, owner: whose, source }: Workspace): VariableScope[] => [
    // Another's workspace is another's machine: nothing goes there that was not meant for it by name.
    ...(whose === owner ? [{ kind: 'user' } as const, { kind: 'project', source } as const] : []),
    { kind: 'workspace', workspaceId: id },
  ]

  async function handNow(workspace: Workspace, occasion: Occasion, signal: AbortSignal): Promise<Handed> {
    const { values, unreadable } = await store.resolve(scopesOf(workspace))
    const driver = driverOf(workspace.id)
    const hasOwn = values.size + unreadable.size > 0 || occasion.given !== undefined
    if (driver && !driver.secrets && occasion.given !== undefined)
      await givenNames.keep(workspace.id, Object.keys(occasion.given))
    const once = driver && !driver.secrets ? await givenNames.of(workspace.id) : []
    const isAsked = workspace.definition.secrets.length + once.length > 0
    // In a container that has just begun there is nothing but what is put there now.
    if (!driver || (!driver.secrets && !hasOwn && !isAsked && occasion.decided === undefined))
      return { secrets: [], isThere: true }
    const place = new VariablesPlace(driver, workspace)
    let held: HeldVariables = noHeldVariables
    let onTarget: HeldVariables | undefined
    let failure: unknown
    try {
      if (driver.secrets) onTarget = fromKept(await driver.secrets.read(workspace.id, signal))
    } catch (error) {
      signal.throwIfAborted()
      // Whoever may read no Secrets and has no variables misses nothing.
      if (hasOwn || isAsked) failure = error
    }
    if (onTarget === undefined || onTarget.size > 0 || hasOwn || occasion.decided !== undefined)
      held = await place.read(signal)
    const merged = mergeVariables(onTarget ?? held, {
      origin: await store.origin(),
      values,
      unreadable: new Set(unreadable.keys()),
      ...occasion,
    })
    if (driver.secrets && onTarget && !isSame(onTarget, merged)) {
      await driver.secrets.write(workspace.id, toKept(merged), signal).catch((error: unknown) => {
        signal.throwIfAborted()
        failure ??= error
      })
    }
    if (!isSame(held, merged)) await place.write(merged, signal)
    const secrets = [...merged.values()].flatMap(({ secret, value }) => (secret ? [value] : []))
    const wanted = workspace.definition.secrets.map(({ name }) => name)
    const missing = [...new Set([...unreadable.keys(), ...wanted, ...once])].filter(
      (name) => !merged.has(name),
    )
    const told = failure
      ? notKept(failure)
      : missing.length > 0
        ? missingProblem(missing, workspace, {
            why: [...unreadable.values()].find(Boolean),
            once: missing.filter((name) => once.includes(name)),
          })
        : undefined
    return { secrets, isThere: failure === undefined, ...(told && { problem: told }) }
  }

  function hand(workspace: Workspace, occasion: Occasion, signal: AbortSignal): Promise<Handed> {
    const before = turns.get(workspace.id) ?? Promise.resolve()
    const done = before
      .then(() => handNow(workspace, occasion, signal))
      .catch((error: unknown): Handed => {
        signal.throwIfAborted()
        return { secrets: [], isThere: false, problem: toProblem(error) }
      })
    const settledTurn = done.then(
      () => undefined,
      () => undefined,
    )
    turns.set(workspace.id, settledTurn)
    void settledTurn.then(() => {
      if (turns.get(workspace.id) === settledTurn) turns.delete(workspace.id)
    })
    return done
  }

  const isMeant = (scope: VariableScope, workspace: Workspace): boolean => {
    if (scope.kind === 'workspace') return workspace.id === scope.workspaceId
    if (workspace.owner !== owner) return false
    return scope.kind === 'user' || projectKey(scope.source) === projectKey(workspace.source)
  }

  /** Gives every running workspace that it concerns what holds now. */
  async function apply(
    scope: VariableScope,
    name: string,
    signal: AbortSignal,
  ): Promise<RequestOutput<'variables.set'>> {
    await settled()
    const meant = workspaces.list().filter((each) => each.state === 'running' && isMeant(scope, each))
    const ends = await Promise.all(
      meant.map(async (workspace) => {
        const { problem: found, isThere } = await hand(workspace, { decided: name }, signal)
        // What it lacks besides was told when it started.
        return { workspace, found: isThere ? undefined : found }
      }),
    )
    return {
      workspaces: ends.flatMap(({ workspace, found }) => (found ? [] : [workspace.name])),
      problems: ends.flatMap(({ workspace, found }): Problem[] =>
        found ? [{ ...found, title: `${workspace.name}: ${found.title}` }] : [],
      ),
    }
  }

  return {
    hand: (workspace, given, signal) =>
      hand(workspace, { given: given === undefined ? undefined : givens.get(given) }, signal),
    async forget(workspaceId) {
      await store.forget(workspaceId).catch((error: unknown) => {
        platform.logger.warn('Variables of a deleted workspace stay', { error: String(error) })
      })
      await givenNames.keep(workspaceId, [])
    },
    handlers: {
      'variables.list': ({ scope }) => store.list(scope),
      async 'variables.set'({ scope, name, value, secret }, signal) {
        await store.set(scope, name, { value, secret })
        return apply(scope, name, signal)
      },
      async 'variables.remove'({ scope, name }, signal) {
        // What was given for the creation alone is missed no more, either.
        const wasGiven = scope.kind === 'workspace' && (await givenNames.drop(scope.workspaceId, name))
        if (!(await store.remove(scope, name)) && !wasGiven) throw notSet(name)
        return apply(scope, name, signal)
      },
      async 'variables.give'({ values }) {
        const id = randomUUID()
        givens.set(id, values)
        const [oldest] = givens.keys()
        if (givens.size > REMEMBERED && oldest !== undefined) givens.delete(oldest)
        return { id }
      },
    },
  }
}

function notSet(name: string) {
  return problem({
    code: 'not-found',
    title: `${name} is not set here`,
    cause: 'There is no variable of this name for these workspaces.',
    remedy: 'Look at those that there are with “berth env list”.',
  })
}

/** `once`: those of the names that were given for the creation alone. */
function missingProblem(
  names: readonly string[],
  { name, id }: Workspace,
  { why, once }: { readonly why: unknown; readonly once: readonly string[] },
): Problem {
  const reason = why === undefined ? '' : ` ${toProblem(why).cause}`
  const given =
    once.length === 0
      ? ''
      : ` ${once.join(', ')} was given for its creation alone, and Docker keeps no secret over a stop or a rebuild.`
  return {
    code: why === undefined ? 'secret-missing' : 'keychain-unavailable',
    title: `${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no value${once.length === 0 ? '' : ` (${once.join(', ')} was given for the creation alone)`}`,
    cause: `The definition or you want it as a secret, and this computer does not know it.${given}${reason}`,
    remedy: names
      .map((each) => `Set it with “berth env set ${each} --secret --workspace ${name}”.`)
      .join(' '),
    detail: id,
  }
}

function notKept(error: unknown): Problem {
  const { code, cause, detail, remedy } = toProblem(error)
  return {
    code,
    title: 'Variables are not kept on the cluster',
    cause: `They are in the workspace until it stops. ${cause}`,
    remedy,
    ...(detail === undefined ? {} : { detail }),
  }
}
