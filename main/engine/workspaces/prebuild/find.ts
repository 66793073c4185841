import { posix } from 'node:path'
import {
  type Definition,
  type PrebuildFinding,
  type PrebuildMark,
  type PrebuildRecord,
  type Target,
  toProblem,
} from '#contract'
import type { PrebuildImage } from '../../drivers/driver'
import type { Platform } from '../../platform/platform'
import type { ActionContext } from '../actions/context'
import type { CreatePlan } from '../actions/create'
import type { GitSource } from '../git'
import type { Action } from '../guard'
import { buildInputs } from './build-inputs'
import { changedPaths, commitOf, remoteCommit } from './commits'
import { changedFields, fieldsOf } from './fields'
import { matchPrebuild, refOf } from './match'
import { repositoryOf } from './repository'
import { type PrebuildStore, storeOf } from './store'
import { describePrebuild } from './words'

export const lookStep = { id: 'prebuild', title: 'Looking for a prebuild' }

/** A prebuild that a workspace is made from. */
export interface Prebuilt {
  readonly image: PrebuildImage
  /** It has the very commit that is wanted: nothing of what runs once is left to run. */
  readonly isSame: boolean
  /** So it is, and its clone is of the same branch by the same address: the source is in it as it shall be. */
  readonly isWhole: boolean
  /** Where it is another commit: what lies between the two, as {@link changedPaths} has it. */
  readonly changed: readonly string[]
}

export interface Looked {
  readonly prebuilt?: Prebuilt
  /** There is none of this repository at all. */
  readonly isNone?: true
  /** One line for people. */
  readonly text: string
}

interface Asked extends Pick<CreatePlan, 'source'> {
  readonly target: Pick<Target, 'platform'>
  readonly store: PrebuildStore | undefined
  /** Whose id is in the definition. */
  readonly id: string
}

/** Undefined where there can be no prebuild: of another source than a git repository, or where nobody keeps any. */
export async function lookUp(
  platform: Platform,
  { source, target, store, id }: Asked,
  definition: Definition,
  signal: AbortSignal,
): Promise<Looked | undefined> {
  if (source.kind !== 'git' || !store) return undefined
  const repository = repositoryOf(source.url)
  const images = (await store.list(signal, source.url)).filter(
    ({ record }) => repositoryOf(record.url) === repository,
  )
  // Without any, nobody waits for a server.
  const commit = images.length === 0 ? undefined : await remoteCommit(platform, source, signal)
  const fields = fieldsOf(definition, id)
  const stale = new Map<string, string>()
  for (const { record } of images) {
    // Of one that does not fit anyway nobody needs to know.
    if (changedFields(record.fields, fields).length > 0) continue
    // A registry that does not answer is waited for once.
    await Promise.all(
      record.bases.map(async (base) => {
        const now = await store.imageId(base.reference, signal)
        if (now !== undefined && now !== base.id) stale.set(record.id, base.reference)
      }),
    )
  }
  const wanted = { source, fields, platform: target.platform ?? '', commit }
  const match = matchPrebuild(wanted, images, (record) => stale.get(record.id))
  if ('miss' in match) return { text: match.miss, ...(match.isNone && { isNone: true }) }
  const { image, isSame } = match
  const text = `Found: ${describePrebuild(image.record)}`
  return {
    prebuilt: { image, isSame, isWhole: isSame && isOwnClone(image.record, source), changed: [] },
    text: isSame ? text : `${text}; the source is brought to ${commit?.slice(0, 7) ?? 'what is wanted'}`,
  }
}

/** The same, told before anything is made. */
export async function foreseePrebuild(
  { platform }: Pick<ActionContext, 'platform'>,
  plan: CreatePlan,
  definition: Definition,
  signal: AbortSignal,
): Promise<PrebuildFinding | undefined> {
  if (!plan.prebuild) return undefined
  const asked = { ...plan, store: storeOf(platform, plan) }
  const looked = await lookUp(platform, asked, definition, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    platform.logger.warn('Prebuilds could not be looked for', { error: String(error) })
    return undefined
  })
  if (!looked || looked.isNone) return undefined
  const { prebuilt, text } = looked
  return {
    ...(prebuilt && { prebuild: markOf(prebuilt.image.record) }),
    isSameCommit: prebuilt?.isSame === true,
    text,
  }
}

/** As a step of a creation. Looking must not keep anybody from working: where it fails there is none. */
export async function lookForPrebuild(
  context: ActionContext,
  { operation }: Action,
  plan: CreatePlan,
  definition: Definition,
): Promise<Prebuilt | undefined> {
  const store = storeOf(context.platform, plan)
  if (plan.source.kind !== 'git' || !store) return undefined
  operation.plan([lookStep])
  if (!plan.prebuild) {
    operation.skip(lookStep.id, 'It was not asked for')
    return undefined
  }
  return operation.step(lookStep.id, async (report, signal) => {
    try {
      const looked = await lookUp(context.platform, { ...plan, store }, definition, signal)
      report.result(looked?.text ?? '')
      return looked?.prebuilt
    } catch (error) {
      signal.throwIfAborted()
      context.platform.logger.warn('Prebuilds could not be looked for', { error: String(error) })
      const { cause } = toProblem(error)
      report.result(
        plan.driver.prebuilds
          ? 'The engine did not tell'
          : `The registry did not tell: ${cause.replace(/\.$/, '')}`,
      )
      return undefined
    }
  })
}

/**
 * Whether a prebuild of another commit can be used for what was cloned. Undefined where what its image is built from has
 * changed, or where it is not known what lies between the two; why, the step says.
 */
export async function confirmPrebuild(
  { platform }: ActionContext,
  { operation }: Action,
  { source }: CreatePlan,
  prebuilt: Prebuilt,
  definition: Definition,
  clone: string,
): Promise<Prebuilt | undefined> {
  const { image } = prebuilt
  const { commit } = image.record
  return operation.step(lookStep.id, async (report, signal) => {
    const refuse = (why: string) => {
      report.result(why)
      return undefined
    }
    if (source.kind !== 'git') return refuse('')
    const head = await commitOf(platform, source, clone, signal)
    const found = `Found: ${describePrebuild(image.record)}`
    if (head === commit) {
      report.result(found)
      return { ...prebuilt, isSame: true, isWhole: isOwnClone(image.record, source) }
    }
    const changed = await changedPaths(platform, source, clone, { from: commit, to: head }, signal)
    if (!changed) return refuse(`Its commit ${commit.slice(0, 7)} is not in the repository any more`)
    const { build } = definition
    const files = build ? (await buildInputs(build, clone, platform)).files : []
    const first = changed.find((path) =>
      [...files, ...featureFiles(definition)].some((part) => liesIn(path, part)),
    )
    if (first !== undefined) return refuse(`What its image is built from has changed since: ${shown(first)}`)
    report.result(`${found}; the source is brought to ${head.slice(0, 7)}`)
    return { ...prebuilt, changed }
  })
}

/** Whether git in a prebuild's source is as a clone of the source itself would be. */
export function isOwnClone(record: PrebuildRecord, source: GitSource): boolean {
  return record.url === source.url && (record.ref ?? '') === refOf(source)
}

/** Features that lie in the repository, and the file that says which versions of the others are taken. */
function featureFiles({ features, path = '' }: Definition): string[] {
  if (features.length === 0) return []
  const folder = posix.dirname(path)
  const own = features.map(({ reference }) => reference).filter((reference) => /^\.{1,2}\//.test(reference))
  return ['devcontainer-lock.json', '.devcontainer-lock.json', ...own].map((file) => posix.join(folder, file))
}

function liesIn(path: string, part: string): boolean {
  return part === '' || path === part || path.startsWith(`${part}/`)
}

function shown(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8').slice(0, 200)
}

export function markOf({ id, madeAt, commit }: PrebuildRecord): PrebuildMark {
  return { id, madeAt, commit }
}

/** A definition whose image is there already, with its Features in it. By content: nothing is ever pulled for that. */
export function overPrebuild(definition: Definition, { image }: Prebuilt): Definition {
  const { build: _, imageIsDefault: __, featureOrder: ___, ...rest } = definition
  return { ...rest, image: image.imageId, features: [] }
}

/** What image and Features had added to such a definition, on top of what was asked for, and by the names of that. */
export function asAsked(merged: Definition, asked: Definition, { image: made }: Prebuilt): Definition {
  const { image: _, contributedLifecycle, notApplied, ...rest } = merged
  const { image, build, imageIsDefault, features, featureOrder } = asked
  const name = image ?? build?.dockerfile ?? made.reference
  const named = (text: string) => text.replaceAll(made.imageId, name)
  return {
    ...rest,
    features,
    notApplied: notApplied.map(({ field, reason }) => ({ field: named(field), reason: named(reason) })),
    ...(contributedLifecycle && {
      contributedLifecycle: contributedLifecycle.map((each) => ({ ...each, origin: named(each.origin) })),
    }),
    ...(image === undefined ? {} : { image }),
    ...(build && { build }),
    ...(imageIsDefault && { imageIsDefault }),
    ...(featureOrder && { featureOrder }),
  }
}
