import type { EventStep } from '#contract'

/**
 * Runs the steps of an event, each as soon as those that it comes after have succeeded. Resolves or rejects when all have
 * ended: none goes on behind the back of what comes next. Rejects as the first in the list that failed.
 */
export async function runInOrder(
  steps: readonly EventStep[],
  run: (step: EventStep) => Promise<void>,
): Promise<void> {
  const ends: Promise<void>[] = []
  for (const [place, step] of steps.entries()) {
    const before = step.after.filter((other) => other < place).map((other) => ends[other])
    const end = Promise.all(before).then(() => run(step))
    // Failing before it is waited for.
    end.catch(() => undefined)
    ends.push(end)
  }
  const failed = (await Promise.allSettled(ends)).find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}
