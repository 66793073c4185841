import { Button } from '@mantine/core'
import { IconTerminal2 } from '@tabler/icons-react'
import type { Service, ServiceStatus, Workspace } from '#contract'
import { deniedProblem } from '#contract/denied'
import { useRecord } from '../../lib/hooks'
import { openServiceTerminal, runningServices, serviceTerminalNote } from '../../lib/service-terminal'
import { Facts, Mono, Section } from '../../ui/facts'
import { type DotTone, StateDot } from '../../ui/state-dot'
import styles from './workspace.module.css'

/** The containers beside the workspace's own: how each is, what it is made of, where it is reached. */
export function ServicesSection({ workspace }: { readonly workspace: Workspace }) {
  const { services } = workspace.definition
  const denied = deniedProblem(useRecord('targets', workspace.targetId), 'terminals')
  const open = denied ? [] : runningServices(workspace)
  if (services.length === 0) return null
  return (
    <Section title="Services">
      <Facts
        facts={services.map(
          (service) =>
            [
              service.name,
              <ServiceFact
                key={service.name}
                service={service}
                status={workspace.services?.find(({ name }) => name === service.name)}
                onTerminal={
                  open.includes(service.name)
                    ? () => void openServiceTerminal(workspace.id, service.name)
                    : undefined
                }
              />,
            ] as const,
        )}
      />
    </Section>
  )
}

const tones: Record<ServiceStatus['state'], DotTone> = {
  stopped: 'off',
  starting: 'busy',
  running: 'good',
  healthy: 'good',
  unhealthy: 'bad',
  ended: 'off',
  failed: 'bad',
}

interface ServiceFactProps {
  readonly service: Service
  readonly status: ServiceStatus | undefined
  /** Absent while none can be opened. */
  readonly onTerminal: (() => void) | undefined
}

function ServiceFact({ service, status, onTerminal }: ServiceFactProps) {
  const made =
    status?.image || service.image || (service.build ? `built from ${service.build.dockerfile}` : '')
  const places = service.ports.map((port) => `localhost:${port}`).join(', ')
  return (
    <>
      <span className={styles.service}>
        <StateDot tone={tones[status?.state ?? 'stopped']} />
        {status?.reason ?? 'Not started'}
      </span>
      <span className={styles.note}>
        <Mono>{made}</Mono>
        {places ? ' at ' : null}
        {places ? <Mono>{places}</Mono> : null}
      </span>
      {onTerminal ? (
        <Button
          className={styles.serviceTerminal}
          size="compact-xs"
          variant="default"
          leftSection={<IconTerminal2 size={13} />}
          aria-label={`Open a terminal in ${service.name}`}
          title={serviceTerminalNote}
          onClick={onTerminal}
        >
          Open a terminal
        </Button>
      ) : null}
    </>
  )
}
