import { Menu } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import type { Workspace } from '#contract'
import { request } from '../../lib/engine'
import { notifyProblem } from '../../lib/notify'
import { LateMenu } from '../../ui/late-menu'

/** Runs what the definition has to be run: the tasks of .gitpod.yml, the commands of a devfile. */
export function TaskMenu({ workspace }: { readonly workspace: Pick<Workspace, 'id' | 'definition'> }) {
  const { tasks } = workspace.definition
  // A task that is only a shell is what the button for a new terminal is for.
  const some = tasks.filter(({ before, init, command }) => before ?? init ?? command)
  if (some.length === 0) return null
  const run = async (name: string) => {
    const result = await request('workspaces.runTask', { workspaceId: workspace.id, name })
    if (!result.ok) notifyProblem(result.problem)
  }
  return (
    <LateMenu label="Run a task" icon={<IconPlayerPlay size={15} />}>
      {() =>
        some.map(({ name, label, command, init, before }) => (
          <Menu.Item key={name} title={command ?? init ?? before} onClick={() => void run(name)}>
            {label ?? name}
          </Menu.Item>
        ))
      }
    </LateMenu>
  )
}
