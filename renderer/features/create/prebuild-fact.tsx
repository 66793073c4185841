import { UnstyledButton } from '@mantine/core'
import type { PrebuildFinding } from '#contract'
import { formatAgo } from '../../lib/format'
import { useCollection, useNow } from '../../lib/hooks'
import { navigate } from '../../lib/navigation'
import { askForPrebuild, type PrebuildWish, prebuildUnderWay } from '../../lib/prebuilds'
import { Mono } from '../../ui/facts'
import styles from './create.module.css'

interface PrebuildFactProps {
  /** Absent: there is none of this repository. */
  readonly finding: PrebuildFinding | undefined
  /** What one would be made of; absent where none can be. */
  readonly wish: PrebuildWish | undefined
}

/** Whether the workspace would be made from a prebuild, why not where there is one that does not fit, and making one. */
export function PrebuildFact({ finding, wish }: PrebuildFactProps) {
  const operations = useCollection('operations')
  const making = prebuildUnderWay(operations, wish?.source, wish?.targetId)
  return (
    <span className={styles.prebuild}>
      <span>
        <Finding finding={finding} />
        {making ? ' One is being made.' : null}
      </span>
      {making ? (
        <UnstyledButton className={styles.link} onClick={() => navigate({ view: 'storage' })}>
          Show
        </UnstyledButton>
      ) : wish && !finding?.isSameCommit ? (
        <UnstyledButton className={styles.link} aria-haspopup="dialog" onClick={() => askForPrebuild(wish)}>
          Prebuild…
        </UnstyledButton>
      ) : null}
    </span>
  )
}

function Finding({ finding }: Pick<PrebuildFactProps, 'finding'>) {
  const now = useNow(30_000)
  if (!finding) return 'None yet. With one, new workspaces start in seconds.'
  const { prebuild, isSameCommit, text } = finding
  if (!prebuild) return text
  return (
    <>
      There is one, made {formatAgo(prebuild.madeAt, now)} of commit{' '}
      <Mono>{prebuild.commit.slice(0, 7)}</Mono>
      {isSameCommit ? ': its commands have run already' : '; the source is brought up to date'}
    </>
  )
}
