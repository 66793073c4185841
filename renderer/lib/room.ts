import { useEffect, useState } from 'react'
import type { Bounds, KubernetesOptions, Problem, Room } from '#contract'
import { resourceLabel } from '#contract/resource-label'
import type { Meter } from '../ui/meters'
import { request } from './engine'

/** How long typing has to rest before it is asked whether what was typed fits, milliseconds. */
const REST = 350
/** How often it is asked again while something does not fit: others may give room back. Milliseconds. */
const AGAIN = 10_000

export interface RoomState {
  /** What was last heard of this target, while a newer answer is waited for, too. */
  readonly room: Room | undefined
  /** Why it could not be read. */
  readonly problem: Problem | undefined
  /** The room is judged for other options than are asked for by now. */
  readonly busy: boolean
}

const nothing: RoomState = { room: undefined, problem: undefined, busy: false }

/** What room a cluster's namespace has for such a workspace. Without a target, nothing. Another `turn` asks again. */
export function useRoom(
  targetId: string | undefined,
  options: KubernetesOptions | undefined,
  turn: string | number = '',
): RoomState {
  const [state, setState] = useState<RoomState>(nothing)
  const key = JSON.stringify(options ?? {})
  // biome-ignore lint/correctness/useExhaustiveDependencies: another target's room says nothing of this one's
  useEffect(() => setState(nothing), [targetId])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to ask again
  useEffect(() => {
    if (targetId === undefined) return
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    setState((now) => ({ ...now, busy: true }))
    const ask = async () => {
      const input = { targetId, kubernetes: JSON.parse(key) as KubernetesOptions }
      const result = await request('targets.room', input, controller.signal)
      if (controller.signal.aborted) return
      setState({
        busy: false,
        room: result.ok ? result.value : undefined,
        problem: result.ok ? undefined : result.problem,
      })
      if (!result.ok || result.value.problem) timer = setTimeout(() => void ask(), AGAIN)
    }
    timer = setTimeout(() => void ask(), REST)
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [targetId, key, turn])
  return state
}

/** What the quotas leave. */
export function roomMeters({ allowances }: Room): Meter[] {
  return allowances.map(({ quota, resource, left, limit, share }) => ({
    id: `${quota} ${resource}`,
    label: resourceLabel(resource),
    text: `${left} of ${limit} left`,
    share,
  }))
}

const kinds: Readonly<Record<Bounds['of'], string>> = {
  container: 'Each container',
  pod: 'Each pod',
  volume: 'Each volume',
}

/** What the LimitRanges say, in a line for each kind of thing. */
export function boundsLines({ bounds }: Pick<Room, 'bounds'>): string[] {
  return (['container', 'pod', 'volume'] as const).flatMap((of) => {
    const parts = bounds.filter((one) => one.of === of).map(boundText)
    return parts.length > 0 ? [`${kinds[of]}: ${parts.join('; ')}.`] : []
  })
}

function boundText({ resource, min, max, defaultRequest, defaultLimit, ratio }: Bounds): string {
  const span = min && max ? `${min} to ${max}` : min ? `${min} or more` : max ? `${max} at most` : ''
  const given = [defaultRequest && `${defaultRequest} sure`, defaultLimit && `${defaultLimit} at most`]
    .filter(Boolean)
    .join(', ')
  const rest = [span, given && `${given} if not said`, ratio && `a limit of ${ratio} times that`]
  return `${resourceLabel(resource)} ${rest.filter(Boolean).join(', ')}`
}
