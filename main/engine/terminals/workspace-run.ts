import type { Workspace } from '#contract'
import type { ReadonlyCollection } from '../platform/collection'

/** How long an unexplained end waits for word that it was the workspace that stopped, milliseconds. */
export const EXPLANATION = 2_500

/** The run of a workspace in which a session was begun. */
export class WorkspaceRun {
  readonly #workspaces: ReadonlyCollection<Workspace>
  readonly #workspaceId: string
  readonly #incarnation: string | undefined

  constructor(workspaces: ReadonlyCollection<Workspace>, workspaceId: string) {
    this.#workspaces = workspaces
    this.#workspaceId = workspaceId
    this.#incarnation = this.workspace?.incarnation
  }

  /** As it is now, in whatever run. */
  get workspace(): Workspace | undefined {
    return this.#workspaces.get(this.#workspaceId)
  }

  get isOver(): boolean {
    const now = this.workspace
    if (!now || now.state === 'stopped') return true
    if (now.state === 'failed' && now.incarnation === undefined) return true
    return this.#incarnation !== undefined && now.incarnation !== undefined
      ? now.incarnation !== this.#incarnation
      : false
  }

  /** Whether it is over, or about to be. */
  get isEnding(): boolean {
    const { incarnation, state } = this.workspace ?? {}
    // What a cluster replaces goes at once; its successor may be long in coming.
    const isReplaced = state === 'starting' && incarnation === undefined && this.#incarnation !== undefined
    return state === 'stopping' || state === 'deleting' || isReplaced || this.isOver
  }

  /** Waits a little for the target's own word that the run ends; not when `settled` comes first. */
  ends(settled: Promise<void>): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (ends: boolean) => {
        clearTimeout(timer)
        void stop()
        resolve(ends)
      }
      const timer = setTimeout(() => settle(this.isEnding), EXPLANATION)
      const stop = this.#workspaces.onChange(() => {
        if (this.isEnding) settle(true)
      })
      void settled.then(() => settle(false))
    })
  }
}
