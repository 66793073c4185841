import { Button, Group } from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'
import type { DataSnapshot, Workspace } from '#contract'
import { type DataQuestion, DataQuestionDialog } from '../../lib/data-dialogs'
import { request } from '../../lib/engine'
import { formatAgo, formatBytes } from '../../lib/format'
import { useCollection, useNow, useRequest } from '../../lib/hooks'
import { runningOperation } from '../../lib/lifecycle'
import { notifyProblem } from '../../lib/notify'
import { Mono, Section } from '../../ui/facts'
import styles from './data.module.css'

/** The data volumes of a workspace and the snapshots of them; nothing where it has neither. */
export function DataSection({ workspace }: { readonly workspace: Workspace }) {
  const { id, targetId } = workspace
  const { run, value } = useRequest('data.list')
  const snapshot = useRequest('data.snapshot')
  const operations = useCollection('operations')
  const busy = runningOperation(operations, id) !== undefined
  const sizes = useSizes(id, value !== undefined && value.volumes.length > 0, busy)
  const now = useNow(30_000)
  const [question, setQuestion] = useState<DataQuestion | undefined>()
  const mayHave =
    workspace.definition.services.some(({ mounts }) => mounts.some(({ type }) => type === 'volume')) ||
    workspace.definition.mounts.some(({ ofWorkspace }) => ofWorkspace)
  const load = useCallback(() => {
    if (mayHave) void run({ workspaceId: id })
  }, [run, id, mayHave])
  // Looked at again when something that was done to it has ended.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `busy` is what tells that
  useEffect(load, [load, busy])
  if (!value || (value.volumes.length === 0 && value.snapshots.length === 0)) return null
  const take = async () => {
    const result = await snapshot.run({ workspaceId: id })
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <Section title="Data">
      <ul className={styles.volumes} aria-label="Data volumes">
        {value.volumes.map(({ name, services, ofWorkspace }) => (
          <li key={name}>
            <Mono>{name}</Mono>{' '}
            <span className={styles.soft}>
              {[
                `used by ${[...services, ...(ofWorkspace ? ['the workspace'] : [])].join(', ')}`,
                ...(sizes[name] === undefined ? [] : [formatBytes(sizes[name])]),
              ].join(' · ')}
            </span>
          </li>
        ))}
      </ul>
      <Group gap={8} className={styles.actions}>
        <Button
          size="xs"
          variant="default"
          disabled={busy}
          loading={snapshot.busy}
          onClick={() => void take()}
        >
          Take a snapshot
        </Button>
        <Button
          size="xs"
          variant="default"
          disabled={busy}
          onClick={() => setQuestion({ kind: 'clone', from: { workspaceId: id }, label: workspace.name })}
        >
          Copy into…
        </Button>
      </Group>
      {value.snapshots.length > 0 ? (
        <ul className={styles.snapshots} aria-label="Snapshots">
          {value.snapshots.map((one) => (
            <li key={one.id} className={styles.snapshot}>
              <div className={styles.about}>
                <span className={styles.name}>{one.name}</span>
                <span className={styles.soft}>{describe(one, now)}</span>
              </div>
              <Group gap={6} wrap="nowrap">
                {(['restore', 'clone', 'remove'] as const).map((kind) => (
                  <Button
                    key={kind}
                    size="compact-xs"
                    variant="subtle"
                    disabled={busy}
                    aria-label={`${words[kind]} ${one.name}`}
                    {...(kind === 'remove' && { color: 'red' })}
                    onClick={() =>
                      setQuestion({
                        kind,
                        from: { workspaceId: one.workspaceId, snapshotId: one.id },
                        label: one.name,
                      })
                    }
                  >
                    {words[kind]}
                  </Button>
                ))}
              </Group>
            </li>
          ))}
        </ul>
      ) : null}
      {question ? (
        <DataQuestionDialog
          question={question}
          workspace={workspace}
          targetId={targetId}
          onClose={() => {
            setQuestion(undefined)
            load()
          }}
        />
      ) : null}
    </Section>
  )
}

/** How often the sizes of volumes are asked for, milliseconds: the engine reads its whole disk for an answer. */
const SIZES_INTERVAL = 60_000

/** Bytes of the data volumes by their names, as far as they are known; asked anew now and then, and after an action. */
function useSizes(workspaceId: string, some: boolean, busy: boolean): Readonly<Record<string, number>> {
  const [sizes, setSizes] = useState<Readonly<Record<string, number>>>({})
  useEffect(() => {
    if (!some || busy) return
    const controller = new AbortController()
    const load = async () => {
      const result = await request('data.sizes', { workspaceId }, controller.signal)
      // Where they are not known they are not shown: nobody waits for them.
      if (result.ok && !controller.signal.aborted) setSizes(result.value)
    }
    void load()
    const timer = setInterval(() => void load(), SIZES_INTERVAL)
    return () => {
      clearInterval(timer)
      controller.abort()
    }
  }, [workspaceId, some, busy])
  return sizes
}

const words = { restore: 'Restore…', clone: 'Copy into…', remove: 'Delete…' } as const

function describe({ createdAt, branch, commit, volumes }: DataSnapshot, now: number): string {
  const bytes = volumes.reduce((sum, volume) => sum + volume.bytes, 0)
  const at = [branch, commit?.slice(0, 8)].filter(Boolean).join(' at ')
  return [formatAgo(createdAt, now), formatBytes(bytes), at].filter(Boolean).join(' · ')
}
