import { useCallback, useEffect, useState } from 'react'
import { type Problem, repositoryKey, type TemplateRepository, type TemplateSource } from '#contract'
import { request } from '../../lib/engine'
import { useSettings } from '../../lib/hooks'

export interface Templates {
  readonly sources: readonly TemplateSource[]
  /** The first answer is not there yet. */
  readonly loading: boolean
  /** Keys of the repositories that are being fetched. */
  readonly fetching: readonly string[]
  readonly problem: Problem | undefined
}

/** All templates while mounted. Repositories that were never fetched are, and come in as they are there. */
export function useTemplates(): Templates {
  const [sources, setSources] = useState<readonly TemplateSource[]>([])
  const [loading, setLoading] = useState(true)
  const [fetching, setFetching] = useState<readonly string[]>([])
  const [problem, setProblem] = useState<Problem | undefined>()
  const settings = useSettings()
  // Each change of any setting makes a new list of the same ones.
  const wanted = settings && JSON.stringify(settings.templates.repositories)
  const refresh = useCallback(async (repository: TemplateRepository, signal: AbortSignal) => {
    const key = repositoryKey(repository)
    setFetching((now) => [...now, key])
    const result = await request('templates.refresh', { repository }, signal)
    if (signal.aborted) return
    setFetching((now) => now.filter((one) => one !== key))
    if (result.ok) setSources((now) => now.map((one) => (one.key === key ? result.value : one)))
  }, [])
  useEffect(() => {
    if (wanted === undefined) return
    const repositories: TemplateRepository[] = JSON.parse(wanted)
    const controller = new AbortController()
    const { signal } = controller
    const load = async () => {
      const result = await request('templates.list', {}, signal)
      if (signal.aborted) return
      setLoading(false)
      if (!result.ok) return setProblem(result.problem)
      setSources(result.value.sources)
      for (const repository of repositories) {
        const known = result.value.sources.find(({ key }) => key === repositoryKey(repository))
        if (known?.commit === undefined) void refresh(repository, signal)
      }
    }
    void load()
    return () => controller.abort()
  }, [wanted, refresh])
  return { sources, loading, fetching, problem }
}
