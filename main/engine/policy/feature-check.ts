import { AsyncLocalStorage } from 'node:async_hooks'

/** Throws a `ProblemError` where a Feature may not be used. `neededBy`: another Feature, or else the definition. */
export type FeatureCheck = (reference: string, neededBy: string | undefined) => void

/** What a team says of Features, for whatever is done within: what one depends on is known when it was fetched. */
const scope = new AsyncLocalStorage<FeatureCheck>()

/** Features are held against a check before they are fetched while `action` is under way, whoever fetches them. */
export function withinFeatureCheck<T>(check: FeatureCheck, action: () => Promise<T>): Promise<T> {
  return scope.run(check, action)
}

/** The check of the action that is under way; undefined where there is none. */
export function currentFeatureCheck(): FeatureCheck | undefined {
  return scope.getStore()
}
