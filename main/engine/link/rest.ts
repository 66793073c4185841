import type { Workspace } from '#contract'
import type { Clock } from '../platform/clock'
import type { ReadonlyCollection } from '../platform/collection'

/** How whoever works for one workspace waits. */
export class Rest {
  readonly #workspaces: ReadonlyCollection<Workspace>
  readonly #workspaceId: string
  readonly #clock: Clock
  #wake: () => void = () => undefined

  constructor(workspaces: ReadonlyCollection<Workspace>, workspaceId: string, clock: Clock) {
    this.#workspaces = workspaces
    this.#workspaceId = workspaceId
    this.#clock = clock
  }

  /** Ends what is being waited. */
  wake(): void {
    this.#wake()
  }

  /** Waits for a time, or for ever, or until something happens to the workspace, or {@link wake}. Never rejects. */
  wait(milliseconds: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const controller = new AbortController()
      const before = this.#workspaces.get(this.#workspaceId)
      const finish = () => {
        void unwatch()
        signal.removeEventListener('abort', finish)
        this.#wake = () => undefined
        controller.abort()
        resolve()
      }
      const unwatch = this.#workspaces.onChange(() => {
        const now = this.#workspaces.get(this.#workspaceId)
        if (now?.state !== before?.state || now?.incarnation !== before?.incarnation) finish()
      })
      this.#wake = finish
      signal.addEventListener('abort', finish, { once: true })
      if (milliseconds === undefined) return
      this.#clock.sleep(milliseconds, controller.signal).then(finish, () => undefined)
    })
  }
}
