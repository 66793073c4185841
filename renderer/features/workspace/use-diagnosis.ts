import { useEffect, useState } from 'react'
import type { Problem, Workspace } from '#contract'
import { request } from '../../lib/engine'

/** How often a workspace that is on its way, with nobody here at it, is looked into, milliseconds. */
const INTERVAL = 3000

/**
 * What its target says is wrong with a workspace beyond its own Problem: once for each run of it, and again and again
 * while the target goes on trying.
 */
export function useDiagnosis(
  { id, state, incarnation, problem: own }: Workspace,
  busy: boolean,
): readonly Problem[] {
  const [problems, setProblems] = useState<readonly Problem[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked anew with each run of the workspace
  useEffect(() => {
    setProblems([])
    const passing = state === 'starting' || state === 'stopping'
    if (busy || (!passing && state !== 'running' && state !== 'failed')) return
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      const result = await request('workspaces.diagnose', { workspaceId: id }, controller.signal)
      if (controller.signal.aborted) return
      if (result.ok) setProblems(result.value)
      if (passing) timer = setTimeout(() => void ask(), INTERVAL)
    }
    void ask()
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [id, state, incarnation, busy])
  return problems.filter(({ title, code }) => title !== own?.title || code !== own.code)
}
