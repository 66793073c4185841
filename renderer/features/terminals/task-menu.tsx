import { Menu } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import type { Task, Workspace } from '#contract'
import { request } from '../../lib/engine'
import { notify, notifyProblem } from '../../lib/notify'
import { LateMenu } from '../../ui/late-menu'

/** Runs what the definition has to be run: the tasks of .gitpod.yml, the commands of a devfile. */
export function TaskMenu({ workspace }: { readonly workspace: Pick<Workspace, 'id' | 'definition'> }) {
  const { tasks, clusterObjects = [] } = workspace.definition
  const objectsOf = ({ objects = [] }: Task) =>
    clusterObjects.filter(({ digest }) => objects.includes(digest)).map(({ kind, name }) => `${kind} ${name}`)
  // A task that is only a shell is what the button for a new terminal is for.
  const some = tasks.filter((task) => linesOf(task) ?? task.objects)
  if (some.length === 0) return null
  const run = async (task: Task) => {
    const result = await request('workspaces.runTask', { workspaceId: workspace.id, name: task.name })
    if (!result.ok) return notifyProblem(result.problem)
    // What runs in a terminal shows there.
    const put = objectsOf(task)
    if (put.length > 0) notify({ tone: 'good', title: `In the cluster: ${put.join(', ')}` })
  }
  return (
    <LateMenu label="Run a task" icon={<IconPlayerPlay size={15} />}>
      {() =>
        some.map((task) => (
          <Menu.Item
            key={task.name}
            title={linesOf(task) ?? `Puts into the cluster: ${objectsOf(task).join(', ')}`}
            onClick={() => void run(task)}
          >
            {task.label ?? task.name}
          </Menu.Item>
        ))
      }
    </LateMenu>
  )
}

const linesOf = ({ command, init, before }: Task) => command ?? init ?? before
