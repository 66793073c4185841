import type { Problem, Room, Target } from '#contract'
import { commandName } from '../command-name'
import type { TargetDocument, TargetsDocument } from '../documents'
import type { CommandContext } from '../execute'
import { problemText } from '../problem-text'
import { roomTable, unknownText } from '../room-text'
import { findTarget, settled } from '../select'
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
  for (const { name, problem: failure, restriction } of list) {
    const problem = failure ?? restriction
    if (problem)
      context.say(`${name}: ${problem.title}. ${problem.cause}${problem.remedy ? ` ${problem.remedy}` : ''}`)
  }
}

/** `berth targets <target>`: all that is known of one. */
export async function oneTarget(context: CommandContext, text: string): Promise<undefined> {
  const engine = await context.engine()
  await settled(engine, context.signal)
  const target = findTarget(text, engine.collections.targets.list())
  const room =
    target.kind === 'kubernetes' && target.state === 'ready'
      ? await engine.call('targets.room', { targetId: target.id }, context.signal)
      : undefined
  if (context.json) {
    context.document({ target, room: room ?? null } satisfies TargetDocument)
    return
  }
  for (const line of described(target)) context.print(line)
  if (room) printRoom(context, room)
  const told: readonly (Problem | undefined)[] = [target.problem, target.restriction, room?.problem]
  for (const problem of told)
    if (problem) context.say(`\n${problemText(problem, context.console.stderrIsCapable)}`)
}

function described(target: Target): string[] {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['target', target.id],
    ['state', target.state],
    ['endpoint', target.endpoint],
    ['version', target.version],
    ['platform', target.platform],
    ['identity', target.identity],
    ['latency', target.latency === undefined ? undefined : `${Math.max(1, Math.round(target.latency))} ms`],
  ]
  return facts.flatMap(([name, value]) => (value ? [`${name.padEnd(10)}${value}`] : []))
}

function printRoom(context: CommandContext, room: Room): void {
  context.print('')
  for (const line of roomTable(room)) context.print(line)
  for (const line of unknownText(room)) context.say(line)
}
