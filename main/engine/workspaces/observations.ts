import type { ObservedWorkspace } from '../drivers/driver'

/**
 * What each target says of its workspaces. Two targets may be two ways to one engine (contexts of the same socket,
 * say), and then both tell of the same ones.
 */
export class Observations {
  readonly #byTarget = new Map<string, Map<string, ObservedWorkspace>>()

  /** All that a target has. */
  replace(targetId: string, workspaces: readonly ObservedWorkspace[]): void {
    this.#byTarget.set(targetId, new Map(workspaces.map((workspace) => [workspace.id, workspace])))
  }

  set(targetId: string, workspace: ObservedWorkspace): void {
    const known = this.#byTarget.get(targetId) ?? new Map<string, ObservedWorkspace>()
    this.#byTarget.set(targetId, known.set(workspace.id, workspace))
  }

  delete(targetId: string, id: string): void {
    this.#byTarget.get(targetId)?.delete(id)
  }

  ids(): string[] {
    return [...this.#byTarget.values()].flatMap((known) => [...known.keys()])
  }

  /** The word of the target that `rank` puts highest. */
  get(
    id: string,
    rank: (targetId: string) => number,
  ): { readonly targetId: string; readonly observed: ObservedWorkspace } | undefined {
    let best: { readonly targetId: string; readonly observed: ObservedWorkspace } | undefined
    for (const [targetId, known] of this.#byTarget) {
      const observed = known.get(id)
      if (observed && (!best || rank(targetId) > rank(best.targetId))) best = { targetId, observed }
    }
    return best
  }
}
