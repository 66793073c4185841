import { useEffect, useRef, useState } from 'react'
import { engine, request } from '../../lib/engine'
import { type LogBlock, LogBuffer } from '../../ui/log-buffer'

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
    const early: { stepId: string; text: string }[] = []
    const append = (stepId: string, text: string) => {
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
      if (loaded) append(event.stepId, event.text)
      else early.push(event)
    })
    void request('operations.output', { operationId }, controller.signal).then((result) => {
      if (controller.signal.aborted) return
      // The answer and the events come in order over one port: what came before the answer is part of it.
      loaded = true
      if (result.ok) for (const { stepId, text } of result.value) append(stepId, text)
      else for (const { stepId, text } of early) append(stepId, text)
    })
    return () => {
      controller.abort()
      stop()
      cancelAnimationFrame(frame)
    }
  }, [operationId])
  return output
}
