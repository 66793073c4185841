import type { PrebuildMark } from '#contract'
import { formatAgo } from '../../lib/format'
import { useNow } from '../../lib/hooks'
import { Mono } from '../../ui/facts'

/** Which prebuild a workspace was made from. */
export function MadeFrom({ prebuild }: { readonly prebuild: PrebuildMark }) {
  const now = useNow(30_000)
  return (
    <>
      A prebuild, made {formatAgo(prebuild.madeAt, now)} of commit <Mono>{prebuild.commit.slice(0, 7)}</Mono>
    </>
  )
}
