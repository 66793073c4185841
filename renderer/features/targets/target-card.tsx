import { Button, UnstyledButton } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import type { Target } from '#contract'
import { parseKubernetesTargetId } from '#contract/target-id'
import { request } from '../../lib/engine'
import { count, targetText } from '../../lib/format'
import { NamespaceDialog } from '../../lib/namespace-dialog'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { roomMeters, useRoom } from '../../lib/room'
import { targetTone } from '../../lib/tone'
import { Mono } from '../../ui/facts'
import { IconButton } from '../../ui/icon-button'
import { Meters } from '../../ui/meters'
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
  const [choosing, setChoosing] = useState(false)
  const cluster =
    target.kind === 'kubernetes' && target.endpoint !== '' && !target.id.startsWith('kubernetes:file:')
  const { room } = useRoom(cluster && target.state === 'ready' ? target.id : undefined, undefined)
  const missing = target.problem?.code === 'namespace-missing'
  const probe = async () => {
    setProbing(true)
    const result = await request('targets.probe', { targetId: target.id })
    setProbing(false)
    // That it does not answer is seen on the card itself.
    if (!result.ok && result.problem.code === 'internal') notifyProblem(result.problem)
  }
  const [making, setMaking] = useState(false)
  const make = async () => {
    setMaking(true)
    const { namespace } = parseKubernetesTargetId(target.id)
    const result = await request('targets.addNamespace', { targetId: target.id, namespace, create: true })
    setMaking(false)
    if (result.ok) void probe()
    else notifyProblem(result.problem)
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
    target.capabilities?.bindMounts === false && 'Folders of this machine are copied to it',
    target.capabilities?.build === false &&
      'Who builds images for it, an engine or the cluster itself, is chosen in the settings',
  ].filter(Boolean)
  return (
    <article className={styles.card} aria-label={target.name}>
      <div className={styles.head}>
        <StateDot tone={targetTone(target.state)} />
        <div className={styles.names}>
          <div className={styles.title}>
            <h2 className={styles.name} title={targetText(target)}>
              {targetText(target)}
            </h2>
            {target.isDefault ? (
              <span className={styles.badge}>
                {target.kind === 'docker' ? 'Docker’s default' : 'kubectl’s default'}
              </span>
            ) : null}
          </div>
          <Mono>{target.endpoint}</Mono>
          {target.state === 'ready' ? <div className={styles.facts}>{facts.join(' · ')}</div> : null}
          {cluster ? (
            <UnstyledButton className={styles.namespaces} onClick={() => setChoosing(true)}>
              Namespaces…
            </UnstyledButton>
          ) : null}
        </div>
        <div className={styles.state}>{stateWord(target.state)}</div>
        <IconButton label={`Check ${target.name} again`} busy={probing} onClick={() => void probe()}>
          <IconRefresh size={15} />
        </IconButton>
      </div>
      {target.state === 'ready' && limits.length > 0 ? (
        <p className={styles.limits}>{limits.join('. ')}.</p>
      ) : null}
      {room && room.allowances.length > 0 ? (
        <div className={styles.room}>
          <Meters label="What its quotas leave" meters={roomMeters(room)} />
        </div>
      ) : null}
      {target.restriction && target.state === 'ready' ? (
        <div className={styles.problem}>
          <ProblemView problem={target.restriction} tone="warning" onRetry={() => void probe()} />
        </div>
      ) : null}
      {target.problem && target.state !== 'ready' ? (
        <div className={styles.problem}>
          <ProblemView problem={target.problem} onRetry={() => void probe()} />
          {missing ? (
            <div className={styles.missing}>
              <Button size="compact-sm" loading={making} onClick={() => void make()}>
                Create the namespace
              </Button>
              <Button variant="default" size="compact-sm" onClick={() => setChoosing(true)}>
                Choose another…
              </Button>
            </div>
          ) : null}
        </div>
      ) : null}
      {choosing ? <NamespaceDialog target={target} onClose={() => setChoosing(false)} /> : null}
    </article>
  )
}

function stateWord(state: Target['state']): string {
  if (state === 'ready') return 'Ready'
  return state === 'connecting' ? 'Connecting…' : 'Does not answer'
}
