import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type KubernetesOptions, type Prebuild, ProblemError, problem } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { clusterOptions } from '../cluster-options'
import type { PrebuildDocument, PrebuildListDocument, PrebuildRemovedDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { runOperation } from '../operation'
import { findTarget, settled } from '../select'
import { bytes, duration, printable, table } from '../text'

export interface PrebuildOptions {
  readonly target?: string
  readonly image?: string
  readonly branch?: string
  readonly definition?: string
  readonly force?: boolean
  readonly olderThan?: number
  readonly builder?: string
  readonly pushTo?: string
}

/** `berth prebuild`: does ahead what every new workspace of a repository would do once. */
export async function prebuild(
  context: CommandContext,
  text: string | undefined,
  options: PrebuildOptions,
): Promise<undefined> {
  if (text === undefined) throw new UsageError('Say of which repository: give its git URL.')
  const engine = await context.engine()
  const target = await chosen(context, engine, options.target)
  const build = await buildFrom(context, engine, options)
  const typed = statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : text
  const { source } = await engine.call(
    'sources.parse',
    { text: typed, ...(options.branch === undefined ? {} : { branch: options.branch }) },
    context.signal,
  )
  let prebuildId = ''
  const { operation } = await runOperation(context, engine, async () => {
    const started = await engine.call(
      'prebuilds.create',
      {
        source,
        ...target,
        ...(options.image === undefined ? {} : { image: options.image }),
        ...(options.definition === undefined ? {} : { definitionPath: options.definition }),
        ...(build && { build }),
        force: options.force === true,
      },
      context.signal,
    )
    prebuildId = started.prebuildId
    return started
  })
  const all = await engine.call(
    'prebuilds.list',
    { targetId: operation.targetId, ...repositoryIn(options) },
    context.signal,
  )
  const made = all.find(({ id }) => id === prebuildId)
  if (!made) throw gone(prebuildId)
  const isNew = operation.steps.some(({ id, state }) => id === 'keep' && state === 'done')
  if (context.json) {
    context.document({ prebuild: shown(made), isNew, operation } satisfies PrebuildDocument)
    return
  }
  context.print(made.id)
  context.say(
    isNew
      ? `The prebuild is made: ${made.image}, ${bytes(made.size)}, commit ${made.commit.slice(0, 7)}.`
      : `There is one already, of commit ${made.commit.slice(0, 7)}. --force makes it anew.`,
  )
}

/** `berth prebuild list`. */
export async function listPrebuilds(context: CommandContext, options: PrebuildOptions): Promise<undefined> {
  const engine = await context.engine()
  const prebuilds = await everyOne(context, engine, options)
  if (context.json) {
    context.document({ prebuilds: prebuilds.map(shown) } satisfies PrebuildListDocument)
    return
  }
  if (prebuilds.length === 0) {
    context.say('There are no prebuilds.')
    return
  }
  const rows = prebuilds.map(({ id, targetId, url, ref, commit, madeAt, size }) => [
    id,
    targetId,
    ref === undefined ? url : `${url}#${ref}`,
    commit.slice(0, 7),
    `${duration(Date.now() - madeAt)} ago`,
    bytes(size),
  ])
  context.print(table(['ID', 'TARGET', 'REPOSITORY', 'COMMIT', 'MADE', 'SIZE'], rows))
}

/** `berth prebuild remove`: one, or all that are older than so many days. */
export async function removePrebuilds(
  context: CommandContext,
  id: string | undefined,
  options: PrebuildOptions,
): Promise<undefined> {
  const { olderThan } = options
  if ((id === undefined) === (olderThan === undefined))
    throw new UsageError('Give the id of a prebuild, or --older-than, and not both.')
  const engine = await context.engine()
  const all = await everyOne(context, engine, options)
  const limit = Date.now() - (olderThan ?? 0) * 24 * 60 * 60 * 1000
  const meant = id === undefined ? all.filter(({ madeAt }) => madeAt < limit) : found(all, id)
  const removed: Prebuild[] = []
  for (const each of meant) {
    const { id: prebuildId, targetId, image } = each
    const one = { targetId, prebuildId, image, ...repositoryIn(options) }
    try {
      await engine.call('prebuilds.remove', one, context.signal)
      removed.push(each)
    } catch (error) {
      // Of all that are old some may still be needed.
      if (id !== undefined || !(error instanceof ProblemError) || error.problem.code !== 'busy') throw error
      context.say(`${prebuildId} stays. ${error.problem.cause}`)
    }
  }
  if (context.json) {
    context.document({ removed: removed.map(shown) } satisfies PrebuildRemovedDocument)
    return
  }
  for (const one of removed) context.print(one.id)
  context.say(removed.length === 1 ? 'One prebuild is removed.' : `${removed.length} prebuilds are removed.`)
}

/** As `--json` has it. */
const shown = (prebuild: Prebuild) => ({ ...prebuild, madeAt: new Date(prebuild.madeAt).toISOString() })

/** By a beginning, where that names one alone. */
function found(all: readonly Prebuild[], id: string): readonly Prebuild[] {
  const matching = id === '' ? [] : all.filter((one) => one.id.startsWith(id))
  const [first] = matching
  if (matching.length === 1 || (first && matching.every((one) => one.id === first.id))) return matching
  if (matching.length > 1)
    throw new UsageError(`Several prebuilds begin with ${printable(id)}: give more of it.`)
  throw gone(id)
}

function gone(id: string) {
  return problem({
    code: 'not-found',
    title: `There is no prebuild ${printable(id).slice(0, 100)}`,
    cause: 'No target that could be asked has one of this id.',
    remedy: 'See which there are: `berth prebuild list`.',
  })
}

/** Of the target that is named, else of every engine that answers: of clusters several have the same registry. */
async function everyOne(
  context: CommandContext,
  engine: Engine,
  options: PrebuildOptions,
): Promise<Prebuild[]> {
  const { targetId } = await chosen(context, engine, options.target)
  const place = repositoryIn(options)
  if (targetId !== undefined) return engine.call('prebuilds.list', { targetId, ...place }, context.signal)
  if ('pushTo' in place) throw new UsageError('--push-to goes with the --target of a cluster.')
  await settled(engine, context.signal)
  const targets = engine.collections.targets
    .list()
    .filter(({ kind, state }) => kind === 'docker' && state === 'ready')
  const lists = await Promise.all(
    targets.map(({ id }) => engine.call('prebuilds.list', { targetId: id }, context.signal)),
  )
  // Two contexts may lead to one engine.
  const each = new Map(lists.flat().map((one) => [`${one.id} ${one.madeAt}`, one]))
  return [...each.values()].sort((left, right) => right.madeAt - left.madeAt)
}

/** Who makes it, and where it goes, for a cluster. */
async function buildFrom(
  context: CommandContext,
  engine: Engine,
  { builder: text, pushTo }: PrebuildOptions,
): Promise<KubernetesOptions['build']> {
  const { targetId: builder } = await chosen(context, engine, text)
  return clusterOptions({ ...(builder && { builder }), ...(pushTo && { pushTo }) })?.build
}

/** Checks the name of a repository before anybody is asked for it. */
function repositoryIn({ pushTo }: PrebuildOptions): { pushTo?: string } {
  const checked = pushTo === undefined ? undefined : clusterOptions({ pushTo })?.build?.pushTo
  return checked === undefined ? {} : { pushTo: checked }
}

async function chosen(
  context: CommandContext,
  engine: Engine,
  text: string | undefined,
): Promise<{ targetId?: string }> {
  if (text === undefined) return {}
  const targets = () => engine.collections.targets.list()
  const named = targets().find(({ id, name }) => id === text || name === text)
  if (named) return { targetId: named.id }
  await settled(engine, context.signal)
  return { targetId: findTarget(text, targets()).id }
}
