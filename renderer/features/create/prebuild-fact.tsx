import type { PrebuildFinding } from '#contract'
import { formatAgo } from '../../lib/format'
import { useNow } from '../../lib/hooks'
import { Mono } from '../../ui/facts'

/** Whether the workspace would be made from a prebuild, and why not where there is one that does not fit. */
export function PrebuildFact({ prebuild, isSameCommit, text }: PrebuildFinding) {
  const now = useNow(30_000)
  if (!prebuild) return text
  return (
    <>
      There is one, made {formatAgo(prebuild.madeAt, now)} of commit{' '}
      <Mono>{prebuild.commit.slice(0, 7)}</Mono>
      {isSameCommit ? ': its commands have run already' : '; the source is brought up to date'}
    </>
  )
}
