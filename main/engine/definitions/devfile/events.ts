import type { Value } from '../document/value'
import { type Command, type Commands, commandReference } from './commands'
import { devfileFields } from './fields'
import { readFields, readList, unknownName } from './shape'

export interface Event {
  readonly name: (typeof devfileFields.events)[number]
  readonly command: Command
  readonly at: Value
}

/** `events`, in the file's order. Each names a command of a kind that the event can have (devfile library). */
export function readEvents(section: Value | undefined, commands: Commands): Event[] {
  if (!section) return []
  const fields = readFields(section, devfileFields.events, { strict: true })
  return devfileFields.events.flatMap((name) => {
    const list = fields.get(name)
    return (list ? readList(list) : []).map((at) => {
      const id = commandReference(at)
      const command = commands.get(id)
      if (!command) throw unknownName('command', at, at.raw(), [...commands.keys()])
      const wanted = name === 'preStart' || name === 'postStop' ? 'apply' : 'exec'
      const wrong = firstOfOtherKind(command, wanted, commands)
      if (wrong) {
        throw at.wrong(
          `"${name}" takes commands of the kind "${wanted}" alone, and "${wrong.id}" is of the kind "${wrong.kind}".`,
          wanted === 'apply'
            ? 'Name it under "postStart" or "preStop".'
            : 'Name it under "preStart" or "postStop".',
        )
      }
      return { name, command, at }
    })
  })
}

function firstOfOtherKind(command: Command, wanted: string, commands: Commands): Command | undefined {
  const seen = new Set<string>()
  const left = [command]
  for (let each = left.pop(); each; each = left.pop()) {
    if (seen.has(each.id)) continue
    seen.add(each.id)
    if (each.kind === 'composite') {
      for (const id of each.commands) {
        const next = commands.get(id)
        if (next) left.push(next)
      }
    } else if (each.kind !== wanted) return each
  }
  return undefined
}
