import { constants } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'

/** Opens what is there without reading it, as a place to go on from (open(2); not among Node's constants). */
const O_PATH = 0x20_0000
const { O_DIRECTORY, O_NOFOLLOW } = constants

/**
 * Connects to a unix socket in a container that runs on this machine's own kernel, by way of one of its processes
 * (proc(5), `/proc/pid/root`): the kernel allows it to who could trace that process, so to root, and to the user that it
 * runs as. Symbolic links are not followed: they could lead out of the container.
 *
 * @param candidates processes of the container, by this machine's numbers
 * @param pid one of them, as the container numbers it
 * @param path absolute
 */
export async function connectInside(
  candidates: readonly number[],
  pid: number,
  path: string,
  signal: AbortSignal,
): Promise<Socket> {
  const outside = await pidOutside(candidates, pid)
  if (outside === undefined) throw new Error('the process is not one of this machine')
  const parts = path.split('/').slice(1)
  if (!path.startsWith('/') || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new Error('not a plain path')
  const name = parts.pop() ?? ''
  let place = await open(`/proc/${outside}/root`, O_PATH | O_DIRECTORY)
  try {
    for (const part of parts) place = await step(place, part, O_DIRECTORY)
    place = await step(place, name, 0)
    if (!(await place.stat()).isSocket()) throw new Error('not a socket')
    return await connected(within(place), signal)
  } finally {
    await place.close()
  }
}

const within = ({ fd }: FileHandle) => `/proc/self/fd/${fd}`

async function step(from: FileHandle, name: string, kind: number): Promise<FileHandle> {
  try {
    return await open(`${within(from)}/${name}`, O_PATH | O_NOFOLLOW | kind)
  } finally {
    await from.close()
  }
}

/** Which of the candidates has this number inside (proc(5), `NSpid` of `/proc/pid/status`: the innermost comes last). */
async function pidOutside(candidates: readonly number[], pid: number): Promise<number | undefined> {
  for (const candidate of candidates) {
    const status = await readFile(`/proc/${candidate}/status`, 'latin1').catch(() => '')
    const numbers = /^NSpid:\s*(.+)$/m.exec(status)?.[1]?.trim().split(/\s+/)
    if (Number(numbers?.at(-1)) === pid) return candidate
  }
  return undefined
}

function connected(path: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = connect({ path, allowHalfOpen: false })
    const giveUp = () => socket.destroy(new Error('it takes too long'))
    signal.addEventListener('abort', giveUp, { once: true })
    const settle = (action: () => void) => {
      signal.removeEventListener('abort', giveUp)
      socket.off('error', onError)
      action()
    }
    const onError = (error: Error) => settle(() => reject(error))
    // It may break before who asked for it listens; that it is closed tells as much.
    socket.on('error', () => undefined)
    socket.once('error', onError)
    socket.once('connect', () => settle(() => resolve(socket)))
  })
}
