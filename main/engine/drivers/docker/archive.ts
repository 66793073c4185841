import type { IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { type Entry, extract } from 'tar-stream'
import { ProblemError, problem } from '#contract'
import type { EngineClient } from './client'
import { type Locator, QUICK } from './container/locate'
import { connectionLost, EngineError, isStatus } from './problems'

/** See {@link Driver.read}. */
export async function readArchive(
  client: EngineClient,
  locator: Locator,
  id: string,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  try {
    const response = await locator.with(
      id,
      (container) => openArchive(client, container, path, signal),
      signal,
    )
    return guarded(response, client)
  } catch (error) {
    throw archiveFailure(client, error, path, `"${path}" could not be read`, signal)
  }
}

/**
 * Puts a tar stream into the root of a container, also of one that was never started; no folder there becomes something
 * else, and nothing else a folder. Returns what the engine says where it refuses; rejects with other raw errors.
 */
export async function placeArchive(
  client: EngineClient,
  containerId: string,
  tar: Readable,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const response = await client.stream('PUT', `/containers/${containerId}/archive`, {
      query: { path: '/', noOverwriteDirNonDir: true },
      body: tar,
      signal,
    })
    response.resume()
    return undefined
  } catch (error) {
    tar.destroy()
    if (!isStatus(error, 400, 403, 409, 500)) throw error
    return error.message
  }
}

/** The tar stream of a path of a container, also of one that was never started. Rejects with raw errors. */
export function openArchive(
  client: EngineClient,
  containerId: string,
  path: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return client.stream('GET', `/containers/${containerId}/archive`, {
    query: { path },
    ...(signal && { signal }),
  })
}

/** The stream with the connection's errors told as Problems, and with a listener of its own. */
function guarded(response: IncomingMessage, client: EngineClient): Readable {
  const guard = new PassThrough({ highWaterMark: 512 * 1024 })
  guard.on('error', () => undefined)
  pipeline(response, guard, (error) => {
    if (error && !guard.writableFinished) {
      guard.destroy(new ProblemError(connectionLost(client.identity.targetName, error.message)))
    }
  })
  return guard
}

/** See {@link Driver.write}. */
export async function writeArchive(
  client: EngineClient,
  locator: Locator,
  id: string,
  folder: string,
  tar: Readable,
  signal: AbortSignal,
): Promise<void> {
  try {
    // Asked first, because a stream that has begun to flow cannot be sent a second time to another container.
    const containerId = await locator.with(
      id,
      async (container) => {
        const found = await client.head(`/containers/${container}/archive`, {
          query: { path: folder },
          timeout: QUICK,
          signal,
        })
        if (!found) throw new EngineError(404, `no such folder: ${folder}`)
        return container
      },
      signal,
    )
    const response = await client.stream('PUT', `/containers/${containerId}/archive`, {
      query: { path: folder },
      body: tar,
      signal,
    })
    response.resume()
  } catch (error) {
    tar.destroy()
    throw archiveFailure(client, error, folder, `"${folder}" could not be written to`, signal)
  }
}

function archiveFailure(
  client: EngineClient,
  error: unknown,
  path: string,
  title: string,
  signal: AbortSignal,
): Error {
  if (isStatus(error, 404) && !/no such container: /i.test(error.message)) {
    return problem({
      code: 'file-not-found',
      title,
      cause: `There is no "${posix.normalize(path)}" in the workspace.`,
      remedy: 'Check how the path is spelt.',
      detail: error.message,
    })
  }
  if (isStatus(error, 403)) {
    return problem({
      code: 'permission-denied',
      title,
      cause: 'It is mounted read-only.',
      remedy: 'Write somewhere else, or change the mount in the definition and rebuild.',
      detail: error.message,
    })
  }
  // Below a file there is nothing; of one in a volume engines say so with a failure of their own.
  if (isStatus(error, 400) || (isStatus(error, 500) && /: not a directory$/.test(error.message))) {
    return problem({
      code: 'file-not-found',
      title,
      cause: `Docker answered: ${error.message}`,
      remedy: 'Check that each part of the path is a folder.',
      detail: error.message,
    })
  }
  return client.failure(error, title, signal)
}

/** The uid that a file or folder of a container belongs to; undefined where there is none. Reads its first header only. */
export function readOwner(
  client: EngineClient,
  containerId: string,
  path: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  return firstEntry(client, containerId, path, signal, (entry) => entry.header.uid)
}

/** Whether something in a container is a symbolic link; false also where there is nothing. Follows none at the end of the path. */
export async function isLink(
  client: EngineClient,
  containerId: string,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const type = await firstEntry(client, containerId, path, signal, (entry) => entry.header.type)
  return type === 'symlink'
}

/** A small file of a container, also of one that was never started; undefined where there is none. */
export function readFile(
  client: EngineClient,
  containerId: string,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return firstEntry(client, containerId, path, signal, async (entry) => {
    if (entry.header.type !== 'file') return undefined
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  })
}

/** What is read of the first entry of a path's archive; undefined where there is no such path. */
async function firstEntry<T>(
  client: EngineClient,
  containerId: string,
  path: string,
  signal: AbortSignal,
  read: (entry: Entry) => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  let response: IncomingMessage
  try {
    response = await openArchive(client, containerId, path, signal)
  } catch (error) {
    if (isStatus(error, 404)) return undefined
    throw error
  }
  try {
    for await (const entry of response.pipe(extract())) return await read(entry)
    return undefined
  } finally {
    response.destroy()
  }
}
