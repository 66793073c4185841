import type { Definition, Task } from '#contract'
import { gitpodCalls, gitpodCommand } from './gitpod/command'

/**
 * The shell line of a task: `first`, its `before`, `init` and `command`, one after the other and each only when the
 * one before it succeeded; later without `init`. Undefined where nothing is left to run. Each part is a group of its
 * own, in the same shell: a heredoc or a comment at its end does not swallow what follows, and what `before` exports
 * is there for the others. Ahead of them is what they call and only Gitpod has.
 */
export function taskLine(
  task: Pick<Task, 'before' | 'init' | 'command'>,
  { first }: { readonly first: boolean },
): string | undefined {
  const parts = [task.before, first ? task.init : undefined, task.command].filter(
    (part): part is string => part !== undefined && runs(part),
  )
  if (parts.length === 0) return undefined
  const tools = parts.some((part) => gitpodCalls(part).any) ? gitpodCommand : ''
  return `${tools}${parts.map(group).join(' && ')}`
}

/** Blank lines and comments run nothing, and a shell takes no empty group. */
function runs(part: string): boolean {
  return part.split('\n').some((line) => !/^\s*(?:#|$)/.test(line))
}

function group(part: string): string {
  // A line break that follows is part of the line with the backslash: one more ends it.
  const end = /(?<!\\)(?:\\\\)*\\$/.test(part) ? '\n' : ''
  return `{\n${part}${end}\n}`
}

/** The order of their terminals: each after the one before it, or before that where it says so (.gitpod.yml, "openMode"). */
export function inOrderOfTerminals(tasks: readonly Task[]): Task[] {
  const ordered: Task[] = []
  let last = -1
  for (const task of tasks) {
    const isBefore = /^(?:tab-before|split-left|split-top)$/.test(task.openMode ?? '')
    last = isBefore ? Math.max(last, 0) : last + 1
    ordered.splice(last, 0, task)
  }
  return ordered
}

/** The objects that a task puts into the cluster, as people are told them: `Deployment web`. */
export function objectsOfTask(
  { objects = [] }: Pick<Task, 'objects'>,
  { clusterObjects = [] }: Pick<Definition, 'clusterObjects'>,
): string[] {
  return clusterObjects
    .filter(({ digest }) => objects.includes(digest))
    .map(({ kind, name }) => `${kind} ${name}`)
}
