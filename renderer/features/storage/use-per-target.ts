import { useEffect, useState } from 'react'
import type { Problem, Result, Target } from '#contract'

/** What one target answered. */
export interface OfTarget<T> {
  readonly target: Target
  /** Undefined until it has answered for the first time. */
  readonly value: readonly T[] | undefined
  readonly problem: Problem | undefined
}

/** Asks one target for what it keeps. */
export type AskTarget<T> = (targetId: string, signal: AbortSignal) => Promise<Result<T[]>>

/**
 * Asks each target for itself, so that one that is slow or fails holds up no other. Another `turn` asks again; `ask`
 * has to stay the same function.
 */
export function usePerTarget<T>(
  ask: AskTarget<T>,
  targets: readonly Target[],
  turn: string,
): readonly OfTarget<T>[] {
  const [answers, setAnswers] = useState<ReadonlyMap<string, Result<T[]>>>(new Map())
  const ids = targets.map(({ id }) => id).join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to ask again
  useEffect(() => {
    const controller = new AbortController()
    for (const targetId of ids.split('\n').filter(Boolean)) {
      void ask(targetId, controller.signal).then((result) => {
        if (!controller.signal.aborted) setAnswers((now) => new Map(now).set(targetId, result))
      })
    }
    return () => controller.abort()
  }, [ask, ids, turn])
  return targets.map((target) => {
    const answer = answers.get(target.id)
    return {
      target,
      value: answer?.ok ? answer.value : undefined,
      problem: answer && !answer.ok ? answer.problem : undefined,
    }
  })
}

/** Each thing once: several contexts may lead to one engine. */
export function withoutRepeats<T>(
  answers: readonly OfTarget<T>[],
  keyOf: (thing: T) => string,
): readonly OfTarget<T>[] {
  const seen = new Set<string>()
  return answers.map((answer) => ({
    ...answer,
    value: answer.value?.filter((thing) => {
      const key = keyOf(thing)
      if (seen.has(key)) return false
      seen.add(key)
      return true
    }),
  }))
}
