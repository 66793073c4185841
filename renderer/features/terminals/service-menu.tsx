import { Menu } from '@mantine/core'
import { IconStack2 } from '@tabler/icons-react'
import { useEffect } from 'react'
import type { Session, Workspace } from '#contract'
import {
  haveTerminal,
  openServiceTerminal,
  runningServices,
  serviceTerminalNote,
  useWantedTerminal,
} from '../../lib/service-terminal'
import { LateMenu } from '../../ui/late-menu'
import { bringToFront } from './arrangement'

interface ServiceMenuProps {
  readonly workspace: Pick<Workspace, 'id' | 'state' | 'services'>
}

/** Opens terminals in the containers beside the workspace's own, and shows those that were opened in another view. */
export function ServiceMenu({ workspace }: ServiceMenuProps) {
  const { id } = workspace
  const wanted = useWantedTerminal((state) => state.get(id))
  useEffect(() => {
    if (wanted === undefined) return
    bringToFront(id, wanted)
    haveTerminal(id)
  }, [id, wanted])
  const services = runningServices(workspace)
  if (services.length === 0) return null
  return (
    <LateMenu label="New terminal in a service" icon={<IconStack2 size={15} />}>
      {() => (
        <>
          <Menu.Label>{serviceTerminalNote}</Menu.Label>
          {services.map((service) => (
            <Menu.Item key={service} onClick={() => void openServiceTerminal(id, service)}>
              {service}
            </Menu.Item>
          ))}
        </>
      )}
    </LateMenu>
  )
}

/** What a tab says when it is pointed at. */
export function tabHint({ title, state, service }: Pick<Session, 'title' | 'state' | 'service'>): string {
  if (state === 'ended') return `${title} (ended)`
  return service === undefined ? title : `${title}, in the service ${service}. ${serviceTerminalNote}`
}
