import { Button, Group } from '@mantine/core'
import { useState } from 'react'
import type { DataSnapshot, PlacedSnapshot } from '#contract'
import { type DataQuestion, DataQuestionDialog } from '../../lib/data-dialogs'
import { request } from '../../lib/engine'
import { formatAgo, formatBytes, targetText } from '../../lib/format'
import { useCollection, useNow } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { Section } from '../../ui/facts'
import styles from './storage.module.css'
import { type AskTarget, usePerTarget, withoutRepeats } from './use-per-target'

const ask: AskTarget<PlacedSnapshot> = (targetId, signal) => request('data.snapshots', { targetId }, signal)

/** Snapshots whose workspaces are gone: nowhere else in the window are they met with. */
export function SnapshotsSection() {
  const targets = useCollection('targets').filter(({ state }) => state === 'ready')
  const workspaces = new Set(useCollection('workspaces').map(({ id }) => id))
  const [turn, setTurn] = useState(0)
  const [question, setQuestion] = useState<
    { readonly asked: DataQuestion; readonly targetId: string } | undefined
  >()
  const answers = withoutRepeats(
    usePerTarget(ask, targets, `${turn} ${workspaces.size}`),
    ({ snapshot }) => snapshot.id,
  )
  const left = answers.map(({ target, value, problem }) => ({
    target,
    problem,
    value: value?.filter(({ snapshot }) => !workspaces.has(snapshot.workspaceId)),
  }))
  const some = left.some(({ value }) => value && value.length > 0)
  const isKnown = left.every(({ value, problem }) => value ?? problem)
  return (
    <Section title="Snapshots of deleted workspaces">
      <p className={styles.about}>
        Data that was kept when its workspace was deleted. It can be copied into a workspace whose volumes
        have the same names. Snapshots of a workspace that is still there are in its Details.
      </p>
      {left.map(({ target, value, problem }) =>
        problem ? (
          <div key={target.id} className={styles.problem}>
            <ProblemView problem={problem} tone="warning" onRetry={() => setTurn(turn + 1)} />
          </div>
        ) : value && value.length > 0 ? (
          <section key={target.id} className={styles.place} aria-label={`Snapshots on ${targetText(target)}`}>
            {targets.length > 1 ? <h3 className={styles.target}>{targetText(target)}</h3> : null}
            <ul className={styles.rows}>
              {value.map(({ snapshot }) => (
                <Row
                  key={snapshot.id}
                  snapshot={snapshot}
                  onAsk={(kind) => {
                    const from = { workspaceId: snapshot.workspaceId, snapshotId: snapshot.id }
                    setQuestion({ asked: { kind, from, label: snapshot.name }, targetId: target.id })
                  }}
                />
              ))}
            </ul>
          </section>
        ) : null,
      )}
      {some ? null : (
        <p className={styles.nothing} role="status">
          {isKnown ? 'There are none.' : 'Asking the targets…'}
        </p>
      )}
      {question ? (
        <DataQuestionDialog
          question={question.asked}
          targetId={question.targetId}
          onClose={() => {
            setQuestion(undefined)
            setTurn(turn + 1)
          }}
        />
      ) : null}
    </Section>
  )
}

interface RowProps {
  readonly snapshot: DataSnapshot
  readonly onAsk: (kind: 'clone' | 'remove') => void
}

function Row({ snapshot, onAsk }: RowProps) {
  const { name, workspaceName, createdAt, volumes, branch, commit } = snapshot
  const now = useNow(30_000)
  const bytes = volumes.reduce((sum, volume) => sum + volume.bytes, 0)
  const facts = [
    `of ${workspaceName}`,
    formatAgo(createdAt, now),
    formatBytes(bytes),
    volumes.map((volume) => volume.name).join(', '),
    [branch, commit?.slice(0, 8)].filter(Boolean).join(' at '),
  ]
  return (
    <li className={styles.row}>
      <div className={styles.words}>
        <span className={styles.name} title={name}>
          {name}
        </span>
        <span className={styles.soft}>{facts.filter(Boolean).join(' · ')}</span>
      </div>
      <Group gap={6} wrap="nowrap">
        <Button
          size="compact-xs"
          variant="subtle"
          aria-label={`Copy ${name} into a workspace`}
          onClick={() => onAsk('clone')}
        >
          Copy into…
        </Button>
        <Button
          size="compact-xs"
          variant="subtle"
          color="red"
          aria-label={`Delete ${name}`}
          onClick={() => onAsk('remove')}
        >
          Delete…
        </Button>
      </Group>
    </li>
  )
}
