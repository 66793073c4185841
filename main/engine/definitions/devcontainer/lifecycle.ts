import type { LifecycleCommand } from '#contract'
import type { Value } from '../document/value'

const example = 'Write a shell line, a list of arguments, or an object of those that run side by side.'

function single(value: Value): string | string[] {
  if (value.type === 'string') return value.guardedText()
  if (value.type !== 'array') throw value.mustBe('a command', example)
  return value.items().map((item) => item.guardedText(example))
}

/** A lifecycle command; undefined when it is empty. Variables of an environment stay as written. */
export function readCommand(value: Value): LifecycleCommand | undefined {
  // False is what some write to switch a command off.
  if (value.type === 'boolean' && !value.boolean()) return undefined
  if (value.type !== 'object') {
    const command = single(value)
    return command.length === 0 || (typeof command === 'string' && command.trim() === '')
      ? undefined
      : command
  }
  const commands: [string, string | string[]][] = []
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    const command = single(field)
    if (command.length > 0) commands.push([name, command])
  }
  return commands.length === 0 ? undefined : Object.fromEntries(commands)
}
