import type { Service, ServiceStatus, Workspace } from '#contract'
import { Facts, Mono, Section } from '../../ui/facts'
import { type DotTone, StateDot } from '../../ui/state-dot'
import styles from './workspace.module.css'

/** The containers beside the workspace's own: how each is, what it is made of, where it is reached. */
export function ServicesSection({ workspace }: { readonly workspace: Workspace }) {
  const { services } = workspace.definition
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
}

function ServiceFact({ service, status }: ServiceFactProps) {
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
    </>
  )
}
