import { Button } from '@mantine/core'
import { IconHourglassLow } from '@tabler/icons-react'
import { useState } from 'react'
import type { Activity, Workspace } from '#contract'
import { request } from '../../lib/engine'
import { useNow, useRecord } from '../../lib/hooks'
import { askFor } from '../../lib/lifecycle'
import { notifyProblem } from '../../lib/notify'
import styles from './idle.module.css'
import { clockTime, countdown, lowerFirst } from './idle-words'

/** How long a workspace can be kept for, hours. */
const hours = [1, 4, 8]

/** Says when the workspace will be stopped by itself, once that is near, and lets it be kept. */
export function IdleBanner({ workspace }: { readonly workspace: Workspace }) {
  const activity = useRecord('activities', workspace.id)
  const isOn = workspace.state === 'running' && activity?.stopsAt !== undefined
  const now = useNow(1000, isOn)
  if (!isOn || !activity || now < (activity.warnsAt ?? 0)) return null
  return <Counting workspace={workspace} activity={activity} now={now} />
}

interface CountingProps {
  readonly workspace: Workspace
  readonly activity: Activity
  readonly now: number
}

function Counting({ workspace, activity, now }: CountingProps) {
  const [busy, setBusy] = useState(false)
  const keep = async (time: number) => {
    setBusy(true)
    const result = await request('workspaces.keep', { workspaceId: workspace.id, hours: time })
    setBusy(false)
    if (!result.ok) notifyProblem(result.problem)
  }
  const left = (activity.stopsAt ?? 0) - now
  return (
    <section className={styles.banner} aria-label="Stops soon">
      <IconHourglassLow size={16} className={styles.icon} aria-hidden />
      <div className={styles.words}>
        <span className={styles.title} role="timer">
          Stops in {countdown(left)}
        </span>
        <span className={styles.since} title={`Last: ${lowerFirst(activity.reason)}`}>
          Nothing since {clockTime(activity.at)}. Last: {lowerFirst(activity.reason)}
        </span>
      </div>
      <span className={styles.keep}>Keep for</span>
      {hours.map((time) => (
        <Button
          key={time}
          variant="default"
          size="compact-sm"
          aria-label={`Keep for ${time} ${time === 1 ? 'hour' : 'hours'}`}
          disabled={busy}
          onClick={() => void keep(time)}
        >
          {time} {time === 1 ? 'hour' : 'hours'}
        </Button>
      ))}
      <Button variant="subtle" color="gray" size="compact-sm" onClick={() => askFor('stop', workspace.id)}>
        Stop now
      </Button>
    </section>
  )
}
