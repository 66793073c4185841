import { ProblemError, problem } from '#contract'
import { type DockerLogins, encodeCredentials } from '../../../platform/docker-logins'
import type { Platform } from '../../../platform/platform'
import { substituteEnvironment } from '../../../platform/variables'
import type { ImageRequest, StepReport } from '../../driver'
import { MANAGED_BY } from '../../shared/description'
import { parseReference } from '../../shared/image-reference'
import type { ImageSummary, ProgressLine } from '../api'
import type { EngineClient } from '../client'
import { builtRepository, labels, nonce } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { diskFull, EngineError, firstLine, isStatus } from '../problems'
import { readJsonLines } from '../streams/json-lines'
import { packContext } from './context'
import { dockerfileAliases } from './dockerfile-aliases'
import { pullProblem } from './image-problems'
import { PullProgress } from './pull'

/**
 * Builds a definition's Dockerfile with the engine's own builder and returns the tag. A build that fails or is
 * cancelled takes the layers away that it made.
 */
export async function buildImage(
  client: EngineClient,
  credentials: DockerLogins,
  platform: Platform,
  request: Pick<ImageRequest, 'definition' | 'folder' | 'workspaceId' | 'refresh'>,
  report: StepReport,
  signal: AbortSignal,
): Promise<string> {
  const { build } = request.definition
  if (!build || request.folder === undefined) {
    throw problem({
      code: 'definition-invalid',
      title: 'The image could not be built',
      cause: 'The definition has a build but there is no folder to build from.',
      remedy: 'Name an image in the definition, or make the workspace from a repository or a folder.',
    })
  }
  const tag = `${builtRepository(request.workspaceId)}:${nonce()}`
  const before = new Set((await allImages(client, signal)).map((image) => image.Id))
  const layers: string[] = []
  try {
    report.detail('Sending the build context')
    const args = buildArguments(build.args, platform)
    const context = await packContext(request.folder, build.context, build.dockerfile, {
      rewrite: dockerfileAliases(args, platform, (line) => report.output(`${line}\n`)),
    })
    const response = await client.stream('POST', '/build', {
      query: {
        t: tag,
        dockerfile: context.dockerfile,
        buildargs: JSON.stringify(args),
        rm: true,
        forcerm: true,
        ...(build.target && { target: build.target }),
        ...(build.cacheFrom?.length && { cachefrom: JSON.stringify(build.cacheFrom) }),
        ...(request.refresh && { pull: true }),
        labels: JSON.stringify({ [labels.managedBy]: MANAGED_BY, [labels.workspace]: request.workspaceId }),
      },
      headers: { 'x-registry-config': encodeCredentials(await credentials.all()) },
      body: context.tar,
      signal,
    })
    await follow(response, report, layers)
    return tag
  } catch (error) {
    await removeLayers(client, before, layers, tag)
    if (error instanceof ProblemError) throw error
    if (error instanceof EngineError) throw buildFailure(client, error.message, error)
    throw client.failure(error, 'The image could not be built', signal)
  }
}

/** As the build gets them. */
export function buildArguments(
  args: Readonly<Record<string, string>>,
  { env }: Platform,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, substituteEnvironment(value, { local: env })]),
  )
}

async function follow(
  response: Parameters<typeof readJsonLines>[0],
  report: StepReport,
  layers: string[],
): Promise<void> {
  let progress = new PullProgress(report)
  let from = ''
  for await (const line of readJsonLines<ProgressLine>(response)) {
    const message = line.errorDetail?.message ?? line.error
    if (message) throw Object.assign(new EngineError(500, message), { from })
    if (line.aux?.ID) layers.push(line.aux.ID)
    if (line.stream !== undefined) {
      report.output(line.stream)
      const layer = /^ ---> ([0-9a-f]{12})$/.exec(line.stream.trimEnd())?.[1]
      if (layer) layers.push(layer)
      const step = /^Step (\d+)\/(\d+) : (.*)/.exec(line.stream)
      if (step) {
        const [, current, total, instruction = ''] = step
        from = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(instruction)?.[1] ?? from
        progress = new PullProgress(report)
        report.detail(`Step ${current} of ${total}: ${instruction}`)
        report.progress({ current: Number(current) - 1, total: Number(total), unit: 'count' })
      }
    } else if (line.status !== undefined) {
      progress.take(line)
    }
  }
}

function buildFailure(client: EngineClient, message: string, error: EngineError): ProblemError {
  const title = 'The image could not be built'
  const from = 'from' in error && typeof error.from === 'string' ? error.from : ''
  const code = /returned a non-zero code: (\d+)/.exec(message)?.[1]
  if (/no space left on device/i.test(message))
    return new ProblemError(diskFull(title, client.identity.targetName, message))
  if (
    !code &&
    from &&
    /manifest|pull access|registry|unauthorized|lookup|dial tcp|denied|i\/o timeout|x509/i.test(message)
  ) {
    const { registry } = parseReference(from)
    return new ProblemError(
      pullProblem(message, {
        image: from,
        registry,
        targetName: client.identity.targetName,
        authenticated: false,
      }),
    )
  }
  const needsBuildKit =
    /requires BuildKit|the --(mount|chmod|link|security|network) option|unknown flag: (mount|link|chmod|security)/i.test(
      message,
    )
  return problem({
    code: 'build-failed',
    title,
    cause: needsBuildKit
      ? "The Dockerfile uses something that the engine's classic builder does not know (BuildKit syntax)."
      : code
        ? `A command of the Dockerfile ended with code ${code}.`
        : firstLine(message),
    remedy: needsBuildKit
      ? 'Write the Dockerfile without it, or build the image elsewhere and name it in the definition.'
      : 'See the build log, correct the Dockerfile and try again.',
    detail: message,
  })
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
