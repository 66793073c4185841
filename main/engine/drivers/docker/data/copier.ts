import { problem } from '#contract'
import { DISK_FULL, dataScript } from '../../shared/data-script'
import { MANAGED_BY } from '../../shared/description'
import type { EngineClient } from '../client'
import { labels } from '../container/anatomy'
import { thisMaker } from '../container/maker'
import { removeContainer } from '../container/remove'
import { isStatus } from '../problems'
import type { EngineMount } from '../service/plan'
import { lastWords } from '../service/words'
import { dataLabels, type Held } from './anatomy'

/** Lines that a copy prints at most: one for each volume. */
const LINES = 200

export interface CopyJob {
  readonly workspaceId: string
  /** `read`: it is never started, and gives a way to a volume. */
  readonly verb: 'snapshot' | 'restore' | 'mend' | 'read'
  readonly places: readonly string[]
  readonly mounts: readonly EngineMount[]
  readonly held: Held
}

/** Makes a container for a job, of one of these images, and does not start it. Rejects with raw errors. */
export async function makeCopier(client: EngineClient, image: string, job: CopyJob): Promise<string> {
  // Not aborted under way: the engine would make what nobody removes then.
  const { Id } = await client.json<{ Id: string }>('POST', '/containers/create', {
    json: {
      Image: image,
      // Whoever owns the data, root may read it and give what it copies to the same.
      User: '0:0',
      Entrypoint: ['/bin/sh', '-c', dataScript, 'berth', job.verb, ...job.places],
      Cmd: [],
      WorkingDir: '/',
      Healthcheck: { Test: ['NONE'] },
      Labels: {
        [labels.managedBy]: MANAGED_BY,
        [dataLabels.work]: job.workspaceId,
        [dataLabels.verb]: job.verb,
        [dataLabels.held]: JSON.stringify(job.held),
        [labels.maker]: thisMaker(),
      },
      HostConfig: { NetworkMode: 'none', Mounts: job.mounts },
    },
  })
  return Id
}

/**
 * Runs one that was made. Resolves with the lines that it printed, or undefined where its image has no shell. Aborted,
 * or failing, it does not run any more when this rejects.
 */
export async function runCopier(
  client: EngineClient,
  copier: string,
  title: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  signal.throwIfAborted()
  try {
    await client.json('POST', `/containers/${copier}/start`)
  } catch (error) {
    if (isStatus(error, 400, 404) && /no such file|not found|permission denied/i.test(error.message))
      return undefined
    throw error
  }
  try {
    const { StatusCode } = await client.json<{ StatusCode: number }>('POST', `/containers/${copier}/wait`, {
      signal,
    })
    const words = await lastWords(client, copier, LINES)
    if (StatusCode === 0) return words.split('\n').filter(Boolean)
    throw copyFailure(StatusCode, words, title)
  } catch (error) {
    await client.json('POST', `/containers/${copier}/kill`).catch((failure: unknown) => {
      if (!isStatus(failure, 404, 409)) throw failure
    })
    throw error
  }
}

export const removeCopier = (client: EngineClient, copier: string) => removeContainer(client, copier)

function copyFailure(code: number, words: string, title: string) {
  if (code === DISK_FULL)
    return problem({
      code: 'disk-full',
      title,
      cause: "The engine's disk has no room for a copy of the data.",
      remedy: 'Remove snapshots, images or volumes that nobody needs, and try again.',
      detail: words,
    })
  return problem({
    code: 'file-failed',
    title,
    cause:
      code === 137
        ? 'The container that copied it was ended from outside.'
        : `Copying it ended with code ${code}.`,
    remedy: 'The data is as it was before. Try again; the detail has what the copy said.',
    detail: words || 'It said nothing.',
  })
}
