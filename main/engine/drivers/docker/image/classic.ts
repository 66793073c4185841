import type { StepReport } from '../../driver'
import type { ImageSummary, ProgressLine } from '../api'
import type { EngineClient, RequestOptions } from '../client'
import { QUICK } from '../container/locate'
import { EngineError, isStatus } from '../problems'
import { readJsonLines } from '../streams/json-lines'
import { PullProgress } from './pull'

/** What the classic builder said, and what it was at. */
export class ClassicFailure extends EngineError {
  readonly image: string
  readonly instruction: string | undefined

  constructor(message: string, image: string, instruction: string | undefined) {
    super(500, message)
    this.image = image
    this.instruction = instruction
  }
}

/**
 * Builds with the engine's classic builder. A build that fails or is cancelled takes the layers away that it made.
 * Rejects with {@link ClassicFailure} where the build itself failed.
 */
export async function buildClassic(
  client: EngineClient,
  options: RequestOptions,
  tag: string,
  report: StepReport,
): Promise<void> {
  const { signal } = options
  const before = new Set((await allImages(client, signal)).map((image) => image.Id))
  const layers: string[] = []
  try {
    await follow(await client.stream('POST', '/build', options), report, layers)
  } catch (error) {
    await removeLayers(client, before, layers, tag)
    throw error
  }
}

async function follow(
  response: Parameters<typeof readJsonLines>[0],
  report: StepReport,
  layers: string[],
): Promise<void> {
  let progress = new PullProgress(report)
  let from = ''
  let current: string | undefined
  for await (const line of readJsonLines<ProgressLine>(response)) {
    const message = line.errorDetail?.message ?? line.error
    if (message) throw new ClassicFailure(message, from, current)
    if (line.aux?.ID) layers.push(line.aux.ID)
    if (line.stream !== undefined) {
      report.output(line.stream)
      const layer = /^ ---> ([0-9a-f]{12})$/.exec(line.stream.trimEnd())?.[1]
      if (layer) layers.push(layer)
      const step = /^Step (\d+)\/(\d+) : (.*)/.exec(line.stream)
      if (step) {
        const [, count, total, instruction = ''] = step
        current = instruction
        from = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(instruction)?.[1] ?? from
        progress = new PullProgress(report)
        report.detail(`Step ${count} of ${total}: ${instruction}`)
        report.progress({ current: Number(count) - 1, total: Number(total), unit: 'count' })
      }
    } else if (line.status !== undefined) {
      progress.take(line)
    }
  }
}

function allImages(client: EngineClient, signal?: AbortSignal): Promise<ImageSummary[]> {
  return client.json<ImageSummary[]>('GET', '/images/json', {
    query: { all: true },
    timeout: QUICK,
    ...(signal && { signal }),
  })
}

/** Removes what a broken-off build made: the layers that it told of, and those on top of them, newest first. */
async function removeLayers(
  client: EngineClient,
  before: ReadonlySet<string>,
  told: readonly string[],
  tag: string,
): Promise<void> {
  const isTold = (id: string) =>
    told.some((one) => id.replace('sha256:', '').startsWith(one.replace('sha256:', '')))
  try {
    const now = await allImages(client)
    const mine = new Set(now.filter((image) => isTold(image.Id)).map((image) => image.Id))
    for (let grown = true; grown; ) {
      grown = false
      for (const image of now) {
        if (!mine.has(image.Id) && image.ParentId && mine.has(image.ParentId) && !before.has(image.Id)) {
          mine.add(image.Id)
          grown = true
        }
      }
    }
    const left = now.filter(
      (image) =>
        mine.has(image.Id) &&
        !before.has(image.Id) &&
        (image.RepoTags ?? []).every((one) => one === tag || one === '<none>:<none>'),
    )
    // A layer can go only after those that stand on it.
    for (let round = left.length; round > 0 && left.length > 0; round--) {
      for (const image of [...left]) {
        if (left.some((other) => other.ParentId === image.Id)) continue
        left.splice(left.indexOf(image), 1)
        await removeLayer(client, image.Id)
      }
    }
  } catch {
    // The engine is gone: there is nobody to clean up with, and the build's own Problem is the one to tell.
  }
}

/** Milliseconds that the engine may take to end the step that was under way, whose container holds the layer. */
const STEP_ENDS = 15_000

async function removeLayer(client: EngineClient, id: string): Promise<void> {
  const deadline = performance.now() + STEP_ENDS
  for (;;) {
    try {
      await client.json('DELETE', `/images/${id}`, { query: { noprune: true } })
      return
    } catch (error) {
      // 404: gone already. What is in use by another build in the meantime is that one's.
      if (!isStatus(error, 409) || performance.now() > deadline) return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
