import type { WatchEvent } from '../../driver'

/** Tells when the pod that a workspace ran in is not the one that it runs in any more. */
export class Incarnations {
  readonly #known = new Map<string, string>()
  readonly #ended: (id: string) => void

  /** `ended` is called once for each pod that ended, or was replaced. */
  constructor(ended: (id: string) => void) {
    this.#ended = ended
  }

  /** What a workspace runs in now, as far as is known. See {@link incarnationOf}. */
  of(id: string): string | undefined {
    return this.#known.get(id)
  }

  take(event: WatchEvent): void {
    if (event.type === 'removed') this.#is(event.id, undefined)
    if (event.type === 'changed') this.#is(event.workspace.id, event.workspace.incarnation)
    if (event.type !== 'snapshot') return
    const now = new Map(event.workspaces.map(({ id, incarnation }) => [id, incarnation]))
    for (const id of new Set([...this.#known.keys(), ...now.keys()])) this.#is(id, now.get(id))
  }

  #is(id: string, incarnation: string | undefined): void {
    const before = this.#known.get(id)
    if (before === incarnation) return
    if (incarnation === undefined) this.#known.delete(id)
    else this.#known.set(id, incarnation)
    if (before !== undefined) this.#ended(id)
  }
}
