import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type {
  CollectionName,
  CollectionRecord,
  EventName,
  EventPayload,
  Problem,
  RequestInput,
  RequestName,
  RequestOutput,
  Result,
  Settings,
} from '#contract'
import { type CollectionState, type CollectionStore, collectionStores, engine, request } from './engine'

function useStore<N extends CollectionName, S>(name: N, selector: (state: CollectionState<N>) => S): S {
  const store: CollectionStore<N> = collectionStores[name]
  return store(selector)
}

/** All records of a collection, as they are now. */
export function useCollection<N extends CollectionName>(name: N): readonly CollectionRecord<N>[] {
  return useStore(name, (state) => state.list)
}

/** One record, or undefined while there is none. */
export function useRecord<N extends CollectionName>(
  name: N,
  id: string | undefined,
): CollectionRecord<N> | undefined {
  return useStore(name, (state) => (id === undefined ? undefined : state.records.get(id)))
}

/** Ids of the targets that do not answer: how their workspaces are is how they were last seen. */
export function useUnreachable(): ReadonlySet<string> {
  const targets = useCollection('targets')
  return useMemo(
    () => new Set(targets.filter(({ state }) => state === 'unreachable').map(({ id }) => id)),
    [targets],
  )
}

/** Whether the first snapshot of a collection has come. */
export function useLoaded(name: CollectionName): boolean {
  return useStore(name, (state) => state.loaded)
}

/** The user's settings; undefined until the engine has told them. */
export function useSettings(): Settings | undefined {
  return useRecord('settings', 'settings')?.value
}

export interface RequestState<N extends RequestName> {
  /** A later call of the same hook overtakes an earlier one, whose answer is then not kept. */
  readonly run: (input: RequestInput<N>) => Promise<Result<RequestOutput<N>>>
  readonly busy: boolean
  readonly problem: Problem | undefined
  readonly value: RequestOutput<N> | undefined
  readonly reset: () => void
}

/** A request that a component makes on demand, with its state. Answers that come after unmounting are ignored. */
export function useRequest<N extends RequestName>(name: N): RequestState<N> {
  const [state, setState] = useState<{ busy: boolean; result: Result<RequestOutput<N>> | undefined }>({
    busy: false,
    result: undefined,
  })
  const latest = useRef(0)
  useEffect(
    () => () => {
      latest.current = -1
    },
    [],
  )
  const run = useCallback(
    async (input: RequestInput<N>) => {
      const turn = Math.max(latest.current, 0) + 1
      latest.current = turn
      setState({ busy: true, result: undefined })
      const result = await request(name, input)
      if (latest.current === turn) setState({ busy: false, result })
      return result
    },
    [name],
  )
  const reset = useCallback(() => {
    latest.current += 1
    setState({ busy: false, result: undefined })
  }, [])
  const { busy, result } = state
  return {
    run,
    reset,
    busy,
    problem: result && !result.ok ? result.problem : undefined,
    value: result?.ok ? result.value : undefined,
  }
}

/** Calls `listener` for each event of that name while mounted. */
export function useEngineEvent<N extends EventName>(
  name: N,
  listener: (payload: EventPayload<N>) => void,
): void {
  const current = useRef(listener)
  useEffect(() => {
    current.current = listener
  })
  useEffect(() => engine.onEvent(name, (payload) => current.current(payload)), [name])
}

/** The time now, milliseconds since the epoch, renewed every `interval` milliseconds while `active`. */
export function useNow(interval: number, active = true): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!active) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), interval)
    return () => clearInterval(timer)
  }, [interval, active])
  return now
}
