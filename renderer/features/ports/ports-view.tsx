import { Button } from '@mantine/core'
import { IconAffiliate, IconPlus } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { deniedProblem } from '#contract/denied'
import { useCollection, useRecord, useSettings } from '../../lib/hooks'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { ForwardForm } from './forward-form'
import { OtherList } from './other-list'
import { PortRow } from './port-row'
import styles from './ports.module.css'
import { noPorts } from './words'

/** The ports of one workspace: what listens, where it is reached from here, and how well. */
export function PortsView({ workspaceId }: { readonly workspaceId: string }) {
  const workspace = useRecord('workspaces', workspaceId)
  const ports = useCollection('ports')
    .filter((port) => port.workspaceId === workspaceId)
    .sort((one, other) => one.port - other.port)
  const autoForward = useSettings()?.autoForward ?? true
  const [adding, setAdding] = useState(false)
  const running = workspace?.state === 'running'
  const denied = deniedProblem(useRecord('targets', workspace?.targetId), 'ports')
  const detection = useRecord('detections', workspaceId)
  const sockets = useRecord('sockets', workspaceId)
  const none = noPorts(running, detection?.problem.code, autoForward)
  const addButton = useRef<HTMLButtonElement>(null)
  const opened = useRef(false)
  const empty = ports.length === 0
  // biome-ignore lint/correctness/useExhaustiveDependencies: the button is another one where the list begins
  useEffect(() => {
    if (adding) opened.current = true
    // The form took the button's place, and gives the keyboard back to it.
    else if (opened.current && document.activeElement === document.body) addButton.current?.focus()
  }, [adding, empty])
  const add = (
    <Button
      ref={addButton}
      variant="default"
      leftSection={<IconPlus size={14} />}
      disabled={denied !== undefined}
      title={denied?.cause}
      onClick={() => setAdding(true)}
    >
      Forward a port
    </Button>
  )
  return (
    <div className={styles.view}>
      {adding ? <ForwardForm workspaceId={workspaceId} onClose={() => setAdding(false)} /> : null}
      {denied ? (
        <div className={styles.undetected}>
          <ProblemView problem={denied} tone="warning" />
        </div>
      ) : null}
      {detection && running ? (
        <div className={styles.undetected}>
          <ProblemView problem={detection.problem} tone="warning" />
        </div>
      ) : null}
      {empty ? (
        <div className={styles.empty}>
          <EmptyState icon={<IconAffiliate size={20} />} title={none.title} actions={adding ? null : add}>
            {none.text}
          </EmptyState>
        </div>
      ) : (
        <>
          <div className={styles.bar}>
            <span className={styles.sum}>
              {ports.filter((port) => port.state === 'live').length} live, {ports.length} in all
            </span>
            {adding ? null : add}
          </div>
          <ul className={styles.list} aria-label="Ports">
            {ports.map((port) => (
              <PortRow key={port.id} port={port} />
            ))}
          </ul>
        </>
      )}
      {sockets && running ? <OtherList sockets={sockets} /> : null}
    </div>
  )
}
