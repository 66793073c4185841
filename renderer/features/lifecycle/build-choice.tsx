import { UnstyledButton } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import type { BuildAsks, BuildGrants, Problem, Workspace } from '#contract'
import { asksOf, giveGrants, noGrants, unfinishedSecrets } from '../../lib/build-grants'
import { BuildGrantsFields } from '../../lib/build-grants-fields'
import { request } from '../../lib/engine'
import { ProblemView } from '../../lib/problem-view'
import styles from './lifecycle.module.css'

/** What the user lets the build of a rebuild have. */
export interface BuildChosen {
  /** Undefined: nothing is built. */
  readonly asks: BuildAsks | undefined
  readonly draft: typeof noGrants
  readonly setDraft: (draft: typeof noGrants) => void
  /** Something is to be given that is not there yet. */
  readonly isUnfinished: boolean
  /** What could not be handed over. */
  readonly problem: Problem | undefined
  /** Hands over what was typed. Undefined where that failed. */
  readonly give: () => Promise<{ readonly buildGrants?: BuildGrants | undefined } | undefined>
}

/** `workspace` absent: there is nothing to choose. */
export function useBuildChoice(workspace: Workspace | undefined): BuildChosen {
  const stored = workspace && asksOf(workspace.definition)
  const [read, setRead] = useState<BuildAsks | undefined>()
  const [draft, setDraft] = useState(noGrants)
  const [problem, setProblem] = useState<Problem | undefined>()
  const id = stored ? workspace?.id : undefined
  useEffect(() => {
    if (id === undefined) return
    const controller = new AbortController()
    void request('builds.asks', { workspaceId: id }, controller.signal).then((result) => {
      // Where it cannot be read now, what is stored is what is known; the rebuild says what is wrong.
      if (result.ok && !controller.signal.aborted) setRead(result.value)
    })
    return () => controller.abort()
  }, [id])
  const asks = read ?? stored
  return {
    asks,
    draft,
    setDraft,
    isUnfinished: asks !== undefined && unfinishedSecrets(asks, draft).length > 0,
    problem,
    give: async () => {
      if (!asks) return {}
      const given = await giveGrants(asks, draft)
      setProblem('problem' in given ? given.problem : undefined)
      return 'problem' in given ? undefined : given.input
    },
  }
}

/** Folded where nothing is known to be asked for. */
export function BuildChoice({ choice }: { readonly choice: BuildChosen }) {
  const { asks, draft, setDraft, problem } = choice
  const [open, setOpen] = useState(false)
  if (!asks) return null
  const isAsked = asks.secrets.length > 0 || asks.ssh || asks.hostNetwork
  const shown = open || isAsked
  return (
    <section className={styles.build} aria-label="What its build may have of this machine">
      {isAsked ? (
        <h3 className={styles.heading}>What its build may have of this machine</h3>
      ) : (
        <UnstyledButton className={styles.fold} aria-expanded={shown} onClick={() => setOpen(!open)}>
          <IconChevronRight
            size={14}
            className={styles.foldIcon}
            data-open={shown || undefined}
            aria-hidden
          />
          What its build may have of this machine
        </UnstyledButton>
      )}
      {shown ? (
        <>
          <p className={styles.text}>Nothing, unless you say so. What you give is not stored.</p>
          <BuildGrantsFields asks={asks} draft={draft} onChange={setDraft} offersAll={!isAsked} />
        </>
      ) : null}
      {problem ? <ProblemView problem={problem} /> : null}
    </section>
  )
}
