import type { EventStep } from '#contract'
import type { Command, Commands, ExecCommand } from './commands'
import type { Growth } from './variables'

/** What runs at one event comes to this at most: it is stored with the workspace. */
const maximumSteps = 300

/** How one command is written as a step of its own. */
export type StepOf = (command: ExecCommand) => Pick<EventStep, 'service' | 'line'>

/**
 * Commands of an event, one after the other, as steps; undefined where these are too many. Only those that can be run
 * may be given, and composites of such.
 */
export function eventSteps(
  listed: readonly Command[],
  commands: Commands,
  stepOf: StepOf,
  growth: Growth,
): EventStep[] | undefined {
  const steps: EventStep[] = []
  /** Gives the places of those that have to succeed before what comes next. */
  const place = (command: Command, after: readonly number[]): readonly number[] => {
    if (steps.length > maximumSteps) return after
    if (command.kind === 'exec') {
      const step = { name: command.id, ...stepOf(command), after: [...after] }
      growth.add(step.line.length + 4 * after.length)
      return [steps.push(step) - 1]
    }
    if (command.kind !== 'composite') return after
    const parts = command.commands.flatMap((id) => commands.get(id) ?? [])
    if (command.parallel) return parts.flatMap((part) => place(part, after))
    return inTurn(parts, after)
  }
  const inTurn = (parts: readonly Command[], after: readonly number[]) =>
    parts.reduce((before, part) => place(part, before), after)
  inTurn(listed, [])
  return steps.length > maximumSteps ? undefined : steps
}
