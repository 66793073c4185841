import { useEffect, useRef, useState } from 'react'
import type { OperationOutput } from '#contract'
import { engine, request } from '../../lib/engine'
import { type LogBlock, LogBuffer } from '../../ui/log-buffer'
import { OutputJoin } from './output-join'

/** What each step of an operation printed, the newest lines of it. */
export type OutputByStep = ReadonlyMap<string, readonly LogBlock[]>

/** Lines kept per step; a build may print far more than anyone reads. */
const LINES = 5000

/** The output so far, then what comes, gathered once per frame. */
export function useOutput(operationId: string): OutputByStep {
  const [output, setOutput] = useState<OutputByStep>(new Map())
  const buffers = useRef(new Map<string, LogBuffer>())
  useEffect(() => {
    const controller = new AbortController()
    buffers.current = new Map()
    setOutput(new Map())
    let frame = 0
    let loaded = false
    const early: OperationOutput[] = []
    const joined = new OutputJoin()
    const append = (printed: OperationOutput) => {
      const text = joined.take(printed)
      if (text === '') return
      const { stepId } = printed
      const buffer = buffers.current.get(stepId) ?? new LogBuffer(LINES)
      buffers.current.set(stepId, buffer)
      buffer.append(text)
      frame ||= requestAnimationFrame(() => {
        frame = 0
        setOutput(new Map([...buffers.current].map(([id, one]) => [id, one.blocks])))
      })
    }
    const stop = engine.onEvent('operation.output', (event) => {
      if (event.operationId !== operationId) return
      if (loaded) append(event)
      else early.push(event)
    })
    void request('operations.output', { operationId }, controller.signal).then((result) => {
      if (controller.signal.aborted) return
      loaded = true
      // Some of what came meanwhile may be part of the answer, and some may not.
      for (const printed of result.ok ? result.value : []) append(printed)
      for (const printed of early) append(printed)
    })
    return () => {
      controller.abort()
      stop()
      cancelAnimationFrame(frame)
    }
  }, [operationId])
  return output
}
