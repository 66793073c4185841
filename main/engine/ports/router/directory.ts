import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import type { Port } from '#contract'
import type { Logger } from '../../platform/logger'
import { makeFolder } from '../../platform/make-folder'

/** What a router answers to `GET /` with this in Accept, on its own address: its {@link ServedPort}s. */
export const DIRECTORY_TYPE = 'application/vnd.berth.ports+json'
/** How long the router of another process may take to answer, milliseconds. */
const ANSWER_LIMIT = 1_500
/** No directory is longer. */
const LENGTH_LIMIT = 1_000_000

/** A port as some Berth process serves it just now. */
export interface ServedPort {
  readonly workspaceId: string
  readonly port: number
  /** `127.0.0.1:8501`. */
  readonly local: string
  readonly url: string
}

export function servedPorts(ports: readonly Port[]): ServedPort[] {
  return ports.flatMap(({ workspaceId, port, forward }) =>
    forward?.url
      ? [{ workspaceId, port, local: `${forward.localAddress}:${forward.localPort}`, url: forward.url }]
      : [],
  )
}

const folderOf = (state: string) => join(state, 'routers')

/**
 * Lets other Berth processes of this user find a router whatever port it got: a file that names the port, for as long
 * as it lives. Resolves with what takes the file away. Without the file everything else works, so failing is logged.
 */
export async function announceRouter(
  state: string,
  routerPort: number,
  logger: Logger,
): Promise<() => Promise<void>> {
  const folder = folderOf(state)
  const file = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.json`)
  try {
    await makeFolder(folder, 0o700)
    await writeFile(file, JSON.stringify({ port: routerPort }), { mode: 0o600 })
  } catch (error) {
    logger.warn('The router could not be announced', { file, error: String(error) })
    return async () => undefined
  }
  return () =>
    rm(file, { force: true }).catch((error: unknown) => {
      logger.warn('The announcement of the router could not be removed', { file, error: String(error) })
    })
}

/** What all Berth processes of this user serve just now. Takes away the files of those that are gone. */
export async function findServedPorts(state: string): Promise<readonly ServedPort[]> {
  const folder = folderOf(state)
  const files = await readdir(folder).catch(() => [])
  const found = await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name)
      const port = portOf(await readFile(file, 'utf8').catch(() => ''))
      const served = port === undefined ? undefined : await askRouter(port)
      if (served === 'gone') await rm(file, { force: true })
      return served === undefined || served === 'gone' ? [] : served
    }),
  )
  return found.flat()
}

function portOf(text: string): number | undefined {
  try {
    const { port } = JSON.parse(text) as { port?: unknown }
    return Number.isInteger(port) ? Number(port) : undefined
  } catch {
    // Being written just now: that router has nothing to offer yet.
    return undefined
  }
}

/** `gone`: nobody listens there. Undefined: someone does, and it is no router of ours, or it is busy. */
function askRouter(routerPort: number): Promise<readonly ServedPort[] | 'gone' | undefined> {
  return new Promise((resolve) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port: routerPort,
        path: '/',
        headers: { host: `localhost:${routerPort}`, accept: DIRECTORY_TYPE },
        timeout: ANSWER_LIMIT,
        agent: false,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
          if (text.length > LENGTH_LIMIT) asking.destroy()
        })
        response.on('error', () => resolve(undefined))
        response.on('end', () =>
          resolve(response.headers['content-type'] === DIRECTORY_TYPE ? read(text) : 'gone'),
        )
      },
    )
    asking.on('timeout', () => asking.destroy())
    asking.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'gone' : undefined),
    )
    asking.end()
  })
}

function read(text: string): readonly ServedPort[] | undefined {
  try {
    return JSON.parse(text) as ServedPort[]
  } catch {
    // Cut off: the router ended in the middle of its answer.
    return undefined
  }
}
