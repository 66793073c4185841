import type { Target } from './target'

/**
 * The target for new workspaces where nobody chose one: the default of `docker`, else of `kubectl`, else the first.
 * Docker's comes first even when it cannot be reached, for a stopped engine must not send work to a cluster.
 */
export function defaultTarget<T extends Pick<Target, 'kind' | 'isDefault'>>(
  targets: readonly T[],
): T | undefined {
  const defaults = targets.filter(({ isDefault }) => isDefault)
  return defaults.find(({ kind }) => kind === 'docker') ?? defaults[0] ?? targets[0]
}
