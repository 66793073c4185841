import { createHash } from 'node:crypto'
import type { PrebuildInput, PrebuildRecord } from '#contract'
import type { PrebuildImage } from '../../drivers/driver'
import type { GitSource } from '../git'
import { changedFields } from './fields'
import { repositoryOf } from './repository'

/** What a workspace is wanted of. */
export interface Wanted {
  readonly source: GitSource
  readonly fields: Readonly<Record<string, string>>
  readonly platform: string
  /** Whole; undefined where the server does not tell. */
  readonly commit: string | undefined
}

export type Match =
  | { readonly image: PrebuildImage; readonly isSame: boolean }
  /** Why none fits, as a sentence without a full stop. */
  | { readonly miss: string; readonly isNone?: true }

const none = { miss: 'No prebuild of this repository is here', isNone: true } as const

/**
 * The prebuild that fits best: of the very commit, else of the same branch, else of another one; the newest of several.
 * `stale` gives the image underneath that has changed since one was made.
 */
export function matchPrebuild(
  wanted: Wanted,
  images: readonly PrebuildImage[],
  stale: (record: PrebuildRecord) => string | undefined,
): Match {
  const repository = repositoryOf(wanted.source.url)
  const own = images.filter(({ record }) => repositoryOf(record.url) === repository)
  if (own.length === 0) return none
  const here = own.filter(({ record }) => record.platform === wanted.platform)
  if (here.length === 0)
    return { miss: `The prebuild was made for another platform: ${own[0]?.record.platform ?? ''}` }
  const differing = here
    .map(({ record }) => changedFields(record.fields, wanted.fields))
    .sort((left, right) => left.length - right.length)
  const alike = here.filter(({ record }) => changedFields(record.fields, wanted.fields).length === 0)
  if (alike.length === 0)
    return { miss: `The definition has changed since the prebuild was made: ${differing[0]?.join(', ')}` }
  const fresh = alike.filter(({ record }) => stale(record) === undefined)
  if (fresh.length === 0) {
    const [first] = alike
    return { miss: `Its base image is newer than the prebuild's: ${first ? stale(first.record) : ''}` }
  }
  const ref = refOf(wanted.source)
  const rank = ({ record }: PrebuildImage) =>
    record.commit === wanted.commit ? 2 : (record.ref ?? '') === ref ? 1 : 0
  const [best] = fresh.sort(
    (left, right) => rank(right) - rank(left) || right.record.madeAt - left.record.madeAt,
  )
  return best ? { image: best, isSame: rank(best) === 2 } : none
}

/** Branch, tag or commit; empty: the repository's own branch. */
export function refOf({ ref }: GitSource): string {
  return ref?.kind === 'branch' ? ref.name : (ref?.id ?? '')
}

/** How a prebuild is called: the same for the same repository, branch and choice of definition. */
export function prebuildIdOf(
  source: GitSource,
  { image = '', definitionPath = '' }: Pick<PrebuildInput, 'image' | 'definitionPath'>,
): string {
  const what = [repositoryOf(source.url), refOf(source), image, definitionPath]
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 12)
}
