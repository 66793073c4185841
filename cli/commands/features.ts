import { resolve } from 'node:path'
import type { LockComparison } from '#contract'
import { commandName } from '../command-name'
import type { FeatureLockDocument } from '../documents'
import type { CommandContext } from '../execute'
import { exitCodes } from '../exit-codes'
import { printable } from '../text'

export interface FeatureOptions {
  readonly definition?: string
  readonly dryRun?: boolean
}

/** `berth features lock`: the lock file, written or printed. */
export async function lock(
  context: CommandContext,
  folder: string,
  options: FeatureOptions,
): Promise<undefined> {
  const found = await ask(context, folder, options, options.dryRun !== true)
  if (context.json) context.document(found satisfies FeatureLockDocument)
  else if (options.dryRun) context.print(found.text.trimEnd())
  else {
    context.print(found.path)
    if (!found.written) context.say('It says what is published now: nothing was changed.')
  }
  if (!context.json) tellChanges(context, found.features)
}

/** `berth features check`. The exit code is 1 where the lock file is missing, or says something else. */
export async function check(
  context: CommandContext,
  folder: string,
  options: FeatureOptions,
): Promise<number | undefined> {
  const found = await ask(context, folder, options, false)
  if (context.json) context.document(found satisfies FeatureLockDocument)
  else {
    context.print(`${found.path} ${found.isCurrent ? 'is current.' : 'is missing or out of date.'}`)
    tellChanges(context, found.features)
    if (!found.isCurrent) context.say(`Write it anew with \`${commandName()} features lock\`.`)
  }
  return found.isCurrent ? undefined : exitCodes.problem
}

async function ask(context: CommandContext, folder: string, options: FeatureOptions, write: boolean) {
  const engine = await context.engine()
  const { definition } = options
  const input = {
    folder: resolve(folder),
    ...(definition === undefined ? {} : { definitionPath: definition }),
    write,
  }
  return engine.call('features.lock', input, context.signal)
}

function tellChanges(context: CommandContext, features: readonly LockComparison[]): void {
  for (const { reference, locked, found, isSame } of features) {
    if (isSame) continue
    const before = locked === null ? 'not in it' : locked || 'some version'
    const now = found === null ? 'asked for by nothing' : found || 'another version'
    context.say(`${printable(reference)}: ${printable(before)} → ${printable(now)}`)
  }
}
