import type { Problem } from './problem'
import type { Target, TargetAction } from './target'

const actionTitles: Readonly<Record<TargetAction, string>> = {
  create: 'New workspaces cannot be made',
  start: 'Workspaces cannot be started',
  stop: 'Workspaces cannot be stopped',
  rebuild: 'Workspaces cannot be rebuilt',
  rename: 'Workspaces cannot be renamed',
  grow: 'Volumes cannot grow',
  delete: 'Workspaces cannot be deleted',
  terminals: 'There are no terminals, commands and files',
  ports: 'Ports cannot be reached',
  logs: 'Logs cannot be read',
}

/** Why something is not offered on a target, naming the right that is missing; undefined where it is. */
export function deniedProblem(
  target: Pick<Target, 'name' | 'identity' | 'restriction' | 'denied'> | undefined,
  action: TargetAction,
): Problem | undefined {
  const rights = target?.denied?.find((one) => one.action === action)?.rights
  if (!target || !rights) return undefined
  return {
    code: 'target-forbidden',
    title: `${actionTitles[action]} on ${target.name}`,
    cause: `${target.identity ? `"${target.identity}"` : 'This identity'} may not ${rights.join(', ')}.`,
    remedy:
      target.restriction?.remedy ?? 'Ask whoever runs the target for this right, or choose another target.',
    detail: rights.join('\n'),
  }
}
