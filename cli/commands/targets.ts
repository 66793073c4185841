import { commandName } from '../command-name'
import type { TargetsDocument } from '../documents'
import type { CommandContext } from '../execute'
import { settled } from '../select'
import { table } from '../text'

/** `berth targets`: every place where workspaces can live, and how it is. */
export async function targets(context: CommandContext): Promise<undefined> {
  const engine = await context.engine()
  await settled(engine, context.signal)
  const list = engine.collections.targets.list()
  if (context.json) {
    context.document({ targets: [...list] } satisfies TargetsDocument)
    return
  }
  if (list.length === 0) {
    context.say(`There are no targets. \`${commandName()} doctor\` says what is missing.`)
    return
  }
  context.print(
    table(
      ['NAME', 'KIND', 'STATE', 'VERSION', 'PLATFORM', 'ENDPOINT'],
      list.map((target) => [
        `${target.name}${target.isDefault ? ' *' : ''}`,
        target.kind,
        target.state,
        target.version ?? '',
        target.platform ?? '',
        target.endpoint,
      ]),
    ),
  )
  for (const { name, problem } of list)
    if (problem)
      context.say(`${name}: ${problem.title}. ${problem.cause}${problem.remedy ? ` ${problem.remedy}` : ''}`)
}
