import { Anchor } from '@mantine/core'
import { useState } from 'react'
import type { IdlePolicy, Workspace } from '#contract'
import { request } from '../../lib/engine'
import { formatAgo } from '../../lib/format'
import { useNow, useRecord } from '../../lib/hooks'
import { IdleChoice } from '../../lib/idle-choice'
import { notifyProblem } from '../../lib/notify'
import { Facts, Section } from '../../ui/facts'
import styles from './idle.module.css'
import { clockTime, countdown, lowerFirst } from './idle-words'

/** What was done last in the workspace, and when it is stopped by itself. */
export function IdleSection({ workspace }: { readonly workspace: Workspace }) {
  const activity = useRecord('activities', workspace.id)
  const target = useRecord('targets', workspace.targetId)
  const now = useNow(1000, workspace.state === 'running')
  const { idle, lastStop } = workspace
  // What was chosen shows at once, and is taken back where it could not be kept.
  const [chosen, setChosen] = useState<{ readonly policy: IdlePolicy | null } | undefined>()
  const choose = async (policy: IdlePolicy | null) => {
    setChosen({ policy })
    const result = await request('workspaces.idle', { workspaceId: workspace.id, policy })
    setChosen(undefined)
    if (!result.ok) notifyProblem(result.problem)
  }
  const policy = idle ? { minutes: idle.minutes, whileClosed: idle.whileClosed } : null
  const keptUntil = idle?.keepUntil !== undefined && idle.keepUntil > now ? idle.keepUntil : undefined
  const keep = async (hours: number) => {
    const result = await request('workspaces.keep', { workspaceId: workspace.id, hours })
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <Section title="Activity">
      <Facts
        facts={[
          ['Last', activity ? `${activity.reason}, ${formatAgo(activity.at, now)}` : undefined],
          ['Last stop', lastStop ? `${lastStop.reason}, ${formatAgo(lastStop.at, now)}` : undefined],
          [
            'Stop by itself',
            <div key="stops">
              <IdleChoice
                value={chosen ? chosen.policy : policy}
                onChange={(value) => void choose(value)}
                kind={target?.kind}
                name="Stop by itself"
              />
              {activity?.onlyWhileOpen !== undefined ? (
                <span className={styles.note}>
                  Only while Berth is open, though: {lowerFirst(activity.onlyWhileOpen)}.
                </span>
              ) : null}
              {idle && activity?.stopsAt !== undefined ? (
                <span className={styles.note}>
                  {keptUntil === undefined
                    ? `Stops in ${countdown(activity.stopsAt - now)}, unless something happens. `
                    : `Kept until ${clockTime(keptUntil, now)}. `}
                  <Anchor component="button" type="button" size="sm" onClick={() => void keep(4)}>
                    Keep for 4 hours
                  </Anchor>
                </span>
              ) : null}
            </div>,
          ],
        ]}
      />
    </Section>
  )
}
