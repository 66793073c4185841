import { useEffect, useRef, useState } from 'react'
import type { CreateInput, Problem, RequestOutput, Result } from '#contract'
import { request } from '../../lib/engine'

/** How long typing has to rest before the text is read, and before the source is asked for its definition. Milliseconds. */
const PARSE_DELAY = 120
const PREVIEW_DELAY = 450

export type Parsed = RequestOutput<'sources.parse'>
export type Previewed = RequestOutput<'workspaces.preview'>

export interface Asked<T> {
  readonly busy: boolean
  readonly value: T | undefined
  readonly problem: Problem | undefined
}

const idle = { busy: false, value: undefined, problem: undefined }

function settled<T>(result: Result<T>): Asked<T> {
  return result.ok
    ? { busy: false, value: result.value, problem: undefined }
    : { busy: false, value: undefined, problem: result.problem }
}

/** Reads what was typed, shortly after the typing rests. */
export function useParsed(text: string, branch: string): Asked<Parsed> {
  const [asked, setAsked] = useState<Asked<Parsed>>(idle)
  useEffect(() => {
    const wanted = text.trim()
    if (wanted === '') return setAsked(idle)
    const controller = new AbortController()
    // What was read before stays in view until the new answer is there: nothing flickers while typing.
    setAsked((now) => ({ ...now, busy: true }))
    const timer = setTimeout(async () => {
      const input = { text: wanted, ...(branch.trim() ? { branch: branch.trim() } : {}) }
      const result = await request('sources.parse', input, controller.signal)
      if (!controller.signal.aborted) setAsked(settled(result))
    }, PARSE_DELAY)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [text, branch])
  return asked
}

/**
 * Asks what `create` would do. Another `turn` asks again. What was known of the same source stays until the new answer
 * is there, so that the page does not jump under the user.
 */
export function usePreview(input: CreateInput | undefined, turn: string): Asked<Previewed> {
  const [asked, setAsked] = useState<Asked<Previewed>>(idle)
  const key = input ? JSON.stringify(input) : undefined
  const of = useRef('')
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to ask again
  useEffect(() => {
    if (key === undefined) return setAsked(idle)
    const controller = new AbortController()
    const { source } = JSON.parse(key) as CreateInput
    const about = JSON.stringify(source)
    setAsked((now) => ({ ...idle, busy: true, ...(of.current === about && { value: now.value }) }))
    of.current = about
    const timer = setTimeout(async () => {
      const result = await request('workspaces.preview', JSON.parse(key), controller.signal)
      if (!controller.signal.aborted) setAsked(settled(result))
    }, PREVIEW_DELAY)
    return () => {
      clearTimeout(timer)
      controller.abort()
    }
  }, [key, turn])
  return asked
}

/**
 * The definitions that a source has. They stay in view while one of them cannot be read: another has to be chosen then.
 */
export function useCandidates(
  source: CreateInput['source'] | undefined,
  preview: Asked<Previewed>,
): readonly string[] {
  const key = JSON.stringify(source ?? null)
  const [known, setKnown] = useState<{ readonly of: string; readonly list: readonly string[] }>()
  useEffect(() => {
    if (preview.value && !preview.busy) setKnown({ of: key, list: preview.value.candidates })
  }, [preview, key])
  return known?.of === key ? known.list : []
}
