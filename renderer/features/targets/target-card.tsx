import { IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import type { Target } from '#contract'
import { request } from '../../lib/engine'
import { count } from '../../lib/format'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { targetTone } from '../../lib/tone'
import { Mono } from '../../ui/facts'
import { IconButton } from '../../ui/icon-button'
import { StateDot } from '../../ui/state-dot'
import styles from './targets.module.css'

interface TargetCardProps {
  readonly target: Target
  /** How many live on it; left out where that is of no interest. */
  readonly workspaces?: number
}

/** One target: whether it answers, how fast, what it can do, and what to do if it does not. */
export function TargetCard({ target, workspaces }: TargetCardProps) {
  const [probing, setProbing] = useState(false)
  const probe = async () => {
    setProbing(true)
    const result = await request('targets.probe', { targetId: target.id })
    setProbing(false)
    // That it does not answer is seen on the card itself.
    if (!result.ok && result.problem.code === 'internal') notifyProblem(result.problem)
  }
  const facts = [
    target.version && `${target.kind === 'docker' ? 'Docker' : 'Kubernetes'} ${target.version}`,
    target.apiVersion && `API ${target.apiVersion}`,
    target.platform,
    target.identity && `as ${target.identity}`,
    target.latency !== undefined && `${Math.max(1, Math.round(target.latency))} ms`,
    workspaces !== undefined && count(workspaces, 'workspace'),
  ].filter(Boolean)
  const limits = [
    target.capabilities?.bindMounts === false && 'Folders of this machine cannot be used on it',
    target.capabilities?.build === false && 'Images cannot be built on it',
  ].filter(Boolean)
  return (
    <article className={styles.card} aria-label={target.name}>
      <div className={styles.head}>
        <StateDot tone={targetTone(target.state)} />
        <div className={styles.names}>
          <div className={styles.title}>
            <h2 className={styles.name} title={target.name}>
              {target.name}
            </h2>
            {target.isDefault ? (
              <span className={styles.badge}>
                {target.kind === 'docker' ? 'Docker’s default' : 'kubectl’s default'}
              </span>
            ) : null}
          </div>
          <Mono>{target.endpoint}</Mono>
          {target.state === 'ready' ? <div className={styles.facts}>{facts.join(' · ')}</div> : null}
        </div>
        <div className={styles.state}>{stateWord(target.state)}</div>
        <IconButton label={`Check ${target.name} again`} busy={probing} onClick={() => void probe()}>
          <IconRefresh size={15} />
        </IconButton>
      </div>
      {target.state === 'ready' && limits.length > 0 ? (
        <p className={styles.limits}>{limits.join('. ')}.</p>
      ) : null}
      {target.restriction && target.state === 'ready' ? (
        <div className={styles.problem}>
          <ProblemView problem={target.restriction} onRetry={() => void probe()} />
        </div>
      ) : null}
      {target.problem && target.state !== 'ready' ? (
        <div className={styles.problem}>
          <ProblemView problem={target.problem} onRetry={() => void probe()} />
        </div>
      ) : null}
    </article>
  )
}

function stateWord(state: Target['state']): string {
  if (state === 'ready') return 'Ready'
  return state === 'connecting' ? 'Connecting…' : 'Does not answer'
}
