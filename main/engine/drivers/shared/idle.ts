import type { Definition, WorkspaceUser } from '#contract'

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

/** Whether a workspace runs Berth's idle command, and not its image's own. */
export function runsIdle(definition: Definition, user: WorkspaceUser): boolean {
  return definition.overrideCommand && user.shell !== undefined
}
