import type { Survival, Workspace } from '#contract'
import { arm } from '../accompany'
import { type BuildOptions, buildGrants } from '../build-options'
import { confirm, survivalLines } from '../confirm'
import { isAttended } from '../consent'
import type { CommandContext } from '../execute'
import { actionDocument, runOperation } from '../operation'
import { rightsLines } from '../rights-text'
import { findWorkspace } from '../select'
import { printable } from '../text'
import { workspaceLabel } from '../workspace-document'
import { notArmed } from './idle'

export type LifecycleVerb = 'start' | 'stop' | 'restart' | 'rebuild' | 'delete'

/** The builds' are of `rebuild`. */
export interface LifecycleOptions extends BuildOptions {
  readonly yes?: boolean
  /** Of `stop`. */
  readonly force?: boolean
  /** Of `rebuild`: allow all that is asked for of power over the machine, or nothing of it. */
  readonly allowRights?: boolean
  /** Of `delete`. */
  readonly keepSnapshots?: boolean
}

const done: Readonly<Record<LifecycleVerb, string>> = {
  start: 'is running',
  stop: 'is stopped',
  restart: 'is running again',
  rebuild: 'is rebuilt',
  delete: 'is deleted',
}

/** `berth start|stop|restart|rebuild|delete`. */
export async function lifecycle(
  context: CommandContext,
  verb: LifecycleVerb,
  text: string,
  options: LifecycleOptions,
): Promise<undefined> {
  const engine = await context.engine({ attended: () => isAttended(context.console) })
  const workspace = await findWorkspace(engine, text, context.signal)
  const label = workspaceLabel(engine, workspace)
  const grants = buildGrants(options)
  const force = verb === 'stop' && options.force === true
  let survival: Survival | null = null
  if (verb !== 'start') {
    survival = await engine.call(
      'workspaces.survival',
      { workspaceId: workspace.id, action: force ? 'force-stop' : verb },
      context.signal,
    )
    await announce(context, force ? 'force-stop' : verb, label, survival, options.yes === true)
  }
  const { allowRights } = options
  const keepSnapshots = verb === 'delete' && options.keepSnapshots === true
  const result = await runOperation(context, engine, () =>
    keepSnapshots
      ? engine.call('workspaces.delete', { workspaceId: workspace.id, keepSnapshots }, context.signal)
      : force
        ? engine.call('workspaces.stop', { workspaceId: workspace.id, force }, context.signal)
        : verb === 'rebuild'
          ? engine.call(
              'workspaces.rebuild',
              {
                workspaceId: workspace.id,
                ...(allowRights === undefined ? {} : { allowRights }),
                ...(grants && { buildGrants: grants }),
              },
              context.signal,
            )
          : engine.call(`workspaces.${verb}`, { workspaceId: workspace.id }, context.signal),
  )
  const isUp = verb !== 'stop' && verb !== 'delete'
  const isArmed = !isUp || (await arm(engine, workspace.id, context.signal))
  if (!isArmed) context.say(notArmed(undefined))
  if (context.json) {
    context.document(actionDocument(result, survival))
    return
  }
  if (verb === 'rebuild' && result.workspace) {
    const { definition } = result.workspace
    for (const line of rightsLines(definition)) context.say(line)
    for (const { field, reason } of definition.notApplied) context.say(`Not applied: ${field} (${reason})`)
  }
  context.say(`${label} ${done[verb]}.`)
  // It runs, and lacks something.
  if (isUp && result.workspace?.reason.includes('; ')) context.say(printable(result.workspace.reason))
}

/** Delete, rebuild and what is done by force ask; stop and restart only tell. */
async function announce(
  context: CommandContext,
  verb: Exclude<LifecycleVerb, 'start'> | 'force-stop',
  label: string,
  survival: Survival,
  yes: boolean,
): Promise<void> {
  if (verb === 'delete') await confirm(context, `Delete ${label}?`, survival, yes)
  else if (verb === 'rebuild') await confirm(context, `Rebuild ${label}?`, survival, yes)
  else if (verb === 'force-stop') {
    // Its files stay, so nothing hangs on what is not known of its git work.
    await confirm(context, `End ${label} by force?`, { ...survival, unsavedKnown: true }, yes)
  } else for (const line of survivalLines(survival)) context.say(line)
}

/** `berth grow`. */
export async function grow(context: CommandContext, text: string, storage: string): Promise<undefined> {
  const engine = await context.engine()
  const { id, name } = await findWorkspace(engine, text, context.signal)
  const result = await runOperation(context, engine, () =>
    engine.call('workspaces.grow', { workspaceId: id, storage }, context.signal),
  )
  if (context.json) {
    context.document(actionDocument(result))
    return
  }
  const { size, waitsFor } = result.workspace?.volume ?? {}
  context.say(`The volume of ${name} has ${size ?? storage}.${waitsFor ? ` ${waitsFor}.` : ''}`)
}

/** `berth rename`. */
export async function rename(context: CommandContext, text: string, name: string): Promise<undefined> {
  const engine = await context.engine()
  const workspace: Workspace = await findWorkspace(engine, text, context.signal)
  const result = await runOperation(context, engine, () =>
    engine.call('workspaces.rename', { workspaceId: workspace.id, name }, context.signal),
  )
  if (context.json) context.document(actionDocument(result))
  else context.say(`${workspace.name} is now called ${result.workspace?.name ?? name}.`)
}
