import type { Problem } from '#contract'

/** The Problem that an action rejects with; undefined where it succeeds. */
export function problemOf(action: Promise<unknown>): Promise<Problem | undefined> {
  return action.then(
    () => undefined,
    (error: { problem?: Problem }) => {
      if (!error.problem) throw error
      return error.problem
    },
  )
}

/** Attempts it until it is refused, and resolves with that: a server takes a moment to hear of a new rule. */
export async function whenRefused(attempt: () => Promise<unknown>): Promise<Problem> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const refused = await problemOf(attempt())
    if (refused) return refused
    if (Date.now() > deadline) throw new Error('nothing refuses it')
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
