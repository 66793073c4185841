import { randomBytes } from 'node:crypto'
import type { StepReport } from '../../../driver'
import { BuildProgress, type FailedStep } from '../../../shared/build/buildkit/progress'
import type { BuildServices } from '../../../shared/build/buildkit/services'
import { readTrace } from '../../../shared/build/buildkit/trace'
import type { ProgressLine } from '../../api'
import type { EngineClient, RequestOptions } from '../../client'
import { QUICK } from '../../container/locate'
import { EngineError, isStatus } from '../../problems'
import { readJsonLines } from '../../streams/json-lines'
import { openSession } from './session'

/** What BuildKit said, and at which of its steps. */
export class BuildKitFailure extends EngineError {
  readonly step: FailedStep | undefined

  constructor(message: string, step: FailedStep | undefined) {
    super(500, message)
    this.step = step
  }
}

/** The engine has no BuildKit, whatever it said of itself. */
export class NoBuildKit extends Error {}

/**
 * Builds with the engine's BuildKit (Engine API, "POST /build?version=2"): the context is the body, as it is for the
 * classic builder, and a session answers what BuildKit asks meanwhile. Rejects with {@link BuildKitFailure} where the
 * build itself failed, and with {@link NoBuildKit} before anything is sent. Aborted, the build ends on the engine as well.
 */
export async function buildWithBuildKit(
  client: EngineClient,
  services: BuildServices,
  options: RequestOptions & { readonly signal: AbortSignal },
  tag: string,
  report: StepReport,
): Promise<void> {
  const { signal } = options
  const id = randomBytes(16).toString('hex')
  const session = await openSession(client, services.methods, signal).catch((error: unknown) => {
    // Engines that only resemble Docker's have no sessions.
    if (isStatus(error, 400, 404, 405, 501)) throw new NoBuildKit('no sessions', { cause: error })
    throw error
  })
  try {
    const response = await client.stream('POST', '/build', {
      ...options,
      query: { ...options.query, version: '2', buildid: id, session: session.id },
    })
    await follow(response, report)
  } catch (error) {
    await end(client, id, tag)
    throw error
  } finally {
    session.close()
  }
}

interface TraceLine extends Omit<ProgressLine, 'aux'> {
  /** A message in base64, or the image's id. */
  readonly aux?: unknown
}

async function follow(response: Parameters<typeof readJsonLines>[0], report: StepReport): Promise<void> {
  const progress = new BuildProgress(report)
  for await (const line of readJsonLines<TraceLine>(response)) {
    const message = line.errorDetail?.message ?? line.error
    if (message) throw new BuildKitFailure(message, progress.failed)
    if (line.id === 'moby.buildkit.trace' && typeof line.aux === 'string')
      progress.take(readTrace(Buffer.from(line.aux, 'base64')))
    else if (line.stream !== undefined) report.output(line.stream)
  }
}

/** The connection's end has ended it already, mostly; a name that it got at its very last goes too. */
async function end(client: EngineClient, id: string, tag: string): Promise<void> {
  try {
    await client.json('POST', '/build/cancel', { query: { id }, timeout: QUICK })
    await client.json('DELETE', `/images/${tag}`, { timeout: QUICK })
  } catch (error) {
    // There is no such image, as it should be; or the engine is gone, and the build's own Problem is the one to tell.
    if (isStatus(error, 404)) return
  }
}
