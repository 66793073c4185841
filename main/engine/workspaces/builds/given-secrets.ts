import { randomUUID } from 'node:crypto'
import { type BuildGrants, problem } from '#contract'
import type { HeldGrants } from '../../drivers/driver'

/** Builds whose values are remembered, so that one that failed can be asked for again. */
const REMEMBERED = 20

/** Values of secrets that were handed over for builds. In memory alone: what names them is all that is passed on. */
export class GivenBuildSecrets {
  readonly #given = new Map<string, ReadonlyMap<string, string>>()

  /** Answers with what names these values, by the ids of their secrets. */
  give(values: Readonly<Record<string, string>>): string {
    const id = randomUUID()
    this.#given.set(id, new Map(Object.entries(values)))
    const [oldest] = this.#given.keys()
    if (this.#given.size > REMEMBERED && oldest !== undefined) this.#given.delete(oldest)
    return id
  }

  /** What a build may have, with the values. Throws `secret-missing` where one is not at hand any more. */
  hold(grants: BuildGrants | undefined): HeldGrants | undefined {
    const handed = (grants?.secrets ?? []).flatMap(({ id, given }) =>
      given === undefined ? [] : [{ id, given }],
    )
    if (!grants || handed.length === 0) return grants
    const values = new Map<string, string>()
    for (const { id, given } of handed) {
      const value = this.#given.get(given)?.get(id)
      if (value === undefined) throw notAtHand(id)
      values.set(id, value)
    }
    return { ...grants, values }
  }
}

function notAtHand(id: string) {
  return problem({
    code: 'secret-missing',
    title: `The build’s secret ${id} is not at hand any more`,
    cause: 'Values that are typed for a build are kept in memory alone, and Berth was started again since.',
    remedy: 'Type it once more.',
  })
}
