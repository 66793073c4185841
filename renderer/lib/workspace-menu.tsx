import { Menu } from '@mantine/core'
import {
  IconDatabasePlus,
  IconHammer,
  IconPencil,
  IconPlayerPlay,
  IconPlayerStop,
  IconRefresh,
  IconTrash,
} from '@tabler/icons-react'
import type { Workspace } from '#contract'
import { askFor, deniedVerb, type WorkspaceVerb } from './lifecycle'

const entries = [
  { verb: 'start', label: 'Start', Icon: IconPlayerPlay },
  { verb: 'stop', label: 'Stop…', Icon: IconPlayerStop },
  { verb: 'restart', label: 'Restart…', Icon: IconRefresh },
  { verb: 'rebuild', label: 'Rebuild…', Icon: IconHammer },
  { verb: 'rename', label: 'Rename…', Icon: IconPencil },
] satisfies { verb: WorkspaceVerb; label: string; Icon: typeof IconTrash }[]

interface WorkspaceMenuItemsProps {
  readonly workspace: Workspace
  readonly verbs: ReadonlySet<WorkspaceVerb>
}

/** The actions on a workspace as entries of a menu; impossible ones are greyed, so that places stay the same. */
export function WorkspaceMenuItems({ workspace, verbs }: WorkspaceMenuItemsProps) {
  const offered = entries.filter(({ verb }) =>
    verbs.has('stop') && !verbs.has('start') ? verb !== 'start' : verbs.has('stop') || verb !== 'stop',
  )
  return (
    <>
      {offered.map(({ verb, label, Icon }) => (
        <Menu.Item
          key={verb}
          leftSection={<Icon size={14} />}
          disabled={!verbs.has(verb)}
          title={deniedVerb(workspace, verb)?.cause}
          onClick={() => askFor(verb, workspace.id)}
        >
          {label}
        </Menu.Item>
      ))}
      {workspace.volume ? (
        <Menu.Item
          leftSection={<IconDatabasePlus size={14} />}
          disabled={!verbs.has('grow')}
          title={deniedVerb(workspace, 'grow')?.cause}
          onClick={() => askFor('grow', workspace.id)}
        >
          Grow its volume…
        </Menu.Item>
      ) : null}
      <Menu.Divider />
      <Menu.Item
        color="red"
        leftSection={<IconTrash size={14} />}
        disabled={!verbs.has('delete')}
        title={deniedVerb(workspace, 'delete')?.cause}
        onClick={() => askFor('delete', workspace.id)}
      >
        Delete…
      </Menu.Item>
    </>
  )
}
