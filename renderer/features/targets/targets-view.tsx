import { Button } from '@mantine/core'
import { IconRefresh, IconServer2 } from '@tabler/icons-react'
import { request } from '../../lib/engine'
import { useCollection, useLoaded } from '../../lib/hooks'
import { EmptyState } from '../../ui/empty-state'
import { Page } from '../../ui/page'
import { TargetCard } from './target-card'
import styles from './targets.module.css'

/** Where workspaces can live, and how well each place answers. */
export function TargetsView() {
  const targets = useCollection('targets')
  const workspaces = useCollection('workspaces')
  const loaded = useLoaded('targets')
  return (
    <Page
      title="Targets"
      subtitle="Every Docker and Kubernetes context of this machine. Each heals by itself when it answers again."
      width="reading"
      actions={
        <Button
          variant="default"
          leftSection={<IconRefresh size={14} />}
          disabled={targets.length === 0}
          onClick={() => {
            for (const target of targets) void request('targets.probe', { targetId: target.id })
          }}
        >
          Check all
        </Button>
      }
    >
      {loaded && targets.length === 0 ? (
        <EmptyState icon={<IconServer2 size={20} />} title="No context found">
          Berth reads your Docker configuration and your kubeconfig. Install Docker, add a context with{' '}
          <code>docker context create</code>, or get a kubeconfig for a cluster, and it shows up here.
        </EmptyState>
      ) : (
        <ul className={styles.list} aria-label="Targets">
          {targets.map((target) => (
            <li key={target.id}>
              <TargetCard
                target={target}
                workspaces={workspaces.filter((workspace) => workspace.targetId === target.id).length}
              />
            </li>
          ))}
        </ul>
      )}
    </Page>
  )
}
