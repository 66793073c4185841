import type { Service } from '#contract'
import type { Command, Commands } from './commands'
import type { ContainerComponent } from './components'
import { keepsAlive } from './keep-alive'

/** Does nothing, and ends at once when it is asked to. */
const idle = ['/bin/sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done']

const groups: ReadonlySet<string> = new Set(['build', 'run', 'debug', 'test'])

/** The containers in which commands run that build, run or test something. */
function toolContainers(commands: Commands): ReadonlySet<string> {
  const found = new Set<string>()
  const seen = new Set<string>()
  const left: Command[] = [...commands.values()].filter(({ group }) => group && groups.has(group))
  for (let command = left.pop(); command; command = left.pop()) {
    if (seen.has(command.id)) continue
    seen.add(command.id)
    if (command.kind === 'exec') found.add(command.component)
    if (command.kind !== 'composite') continue
    for (const id of command.commands) {
      const part = commands.get(id)
      if (part) left.push(part)
    }
  }
  return found
}

/**
 * A container beside the workspace's own in which something is built or run, and that the file gives nothing to do, is
 * kept alive for that, as odo does it: the image of a tool mostly ends at once.
 */
export function keptAlive(
  service: Service,
  { name, command, args }: ContainerComponent,
  commands: Commands,
): Service {
  const isIdle = command.length + args.length === 0 || keepsAlive([...command, ...args])
  if (!isIdle || service.restart === 'never' || !toolContainers(commands).has(name)) return service
  const { command: _, ...others } = service
  return { ...others, entrypoint: idle }
}
