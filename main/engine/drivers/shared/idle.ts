import type { Definition, WorkspaceUser } from '#contract'
import type { ResolvedImage } from '../driver'

/**
 * Keeps a container alive and answers SIGTERM at once. As process 1 of its container it also reaps what is orphaned:
 * a shell that waits takes every child that ends, its own or not.
 */
const idleScript = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done'

/**
 * Berth's idle command, which runs in place of the image's own. What Features want to have run when the container
 * starts runs beside it, so that what hangs there keeps nothing from ending (containers.dev, "entrypoint").
 */
export function idleCommand({
  featureEntrypoints = [],
}: Pick<Definition, 'featureEntrypoints'> = {}): readonly string[] {
  const beside = featureEntrypoints.length > 0 ? `(\n${featureEntrypoints.join('\n')}\n) &\n` : ''
  return ['/bin/sh', '-c', `${beside}${idleScript}`]
}

/**
 * What a workspace runs that keeps its image's own command: first what Features want to have run, which a command may
 * count on, and then the command in their place (containers.dev, "entrypoint"). Undefined where there is nothing to run
 * first, or nobody knows the command.
 */
export function commandAfterEntrypoints(
  { featureEntrypoints = [], entrypoint, command }: Definition,
  { runs, hasShell }: Pick<ResolvedImage, 'runs' | 'hasShell'>,
): readonly string[] | undefined {
  if (featureEntrypoints.length === 0 || !hasShell || !(runs || entrypoint)) return undefined
  // Who names another entry point does not want the image's arguments for its own.
  const arguments_ = command ?? (entrypoint ? [] : (runs?.command ?? []))
  const own = [...(entrypoint ?? runs?.entrypoint ?? []), ...arguments_]
  const last = own.length > 0 ? 'exec "$@"' : idleScript
  return ['/bin/sh', '-c', `${featureEntrypoints.join('\n')}\n${last}`, 'berth', ...own]
}

/** The same where nobody knows that command: what Features want to have run, to be begun beside it. */
export function entrypointsBeside(
  { featureEntrypoints = [] }: Definition,
  { hasShell }: Pick<ResolvedImage, 'hasShell'>,
): readonly string[] | undefined {
  if (featureEntrypoints.length === 0 || !hasShell) return undefined
  return ['/bin/sh', '-c', `(\n${featureEntrypoints.join('\n')}\n) > /dev/null 2>&1 &`]
}

/** Whether a workspace runs Berth's idle command, and not its image's own. */
export function runsIdle(definition: Definition, user: WorkspaceUser): boolean {
  return definition.overrideCommand && user.shell !== undefined
}
