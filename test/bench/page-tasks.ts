import { readFile, rm } from 'node:fs/promises'
import type { ElectronApplication } from 'playwright-core'

/** One event of a recording (Trace Event Format); times in microseconds. */
interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  /** Of the time, that in which a processor was the thread's. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

export interface PageTask {
  /** Milliseconds. */
  readonly took: number
  /** Milliseconds of a processor: without those in which other programs had it. */
  readonly worked: number
}

const MAIN_THREAD = 'CrRendererMain'
const TASK = 'ThreadControllerImpl::RunTask'

/** Records what the threads of pages do. The function that it gives ends that, and resolves with every task of theirs. */
export async function recordPageTasks(app: ElectronApplication): Promise<() => Promise<PageTask[]>> {
  await app.evaluate(({ contentTracing }) =>
    contentTracing.startRecording({
      recording_mode: 'record-until-full',
      included_categories: ['toplevel'],
      excluded_categories: ['*'],
    }),
  )
  return async () => {
    const file = await app.evaluate(({ contentTracing }) => contentTracing.stopRecording())
    const { traceEvents } = JSON.parse(await readFile(file, 'utf8')) as { traceEvents: TraceEvent[] }
    await rm(file)
    const isPage = ({ name, ph, args }: TraceEvent) =>
      name === 'thread_name' && ph === 'M' && args?.name === MAIN_THREAD
    const of = ({ pid, tid }: TraceEvent) => `${pid}:${tid}`
    const threads = new Set(traceEvents.filter(isPage).map(of))
    return traceEvents
      .filter((event) => event.name === TASK && event.tdur !== undefined && threads.has(of(event)))
      .map(({ dur = 0, tdur = 0 }) => ({ took: dur / 1000, worked: tdur / 1000 }))
  }
}
