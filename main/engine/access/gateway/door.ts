import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { Problem, ProblemError, toProblem } from '#contract'
import type { Disposer } from '../../platform/disposable'
import { makeFolder } from '../../platform/make-folder'
import type { Platform } from '../../platform/platform'

/** Longest first line of either side, in bytes, and milliseconds for the client's to come. */
const LONGEST_LINE = 16 * 1024
const LINE_LIMIT = 10_000
/** Clients of one door at once. */
const MOST_CLIENTS = 256
/** Longest path of a socket that all systems take, in bytes (unix(7); macOS has 104). */
const LONGEST_PATH = 100

const Asked = z.strictObject({ host: z.string().min(1).max(1_000) })
const Answered = z.union([z.strictObject({ ok: z.literal(true) }), z.strictObject({ problem: Problem })])

const folderOf = (state: string) => join(state, 'gateways')

/** What a client is given to once it has said where it wants to go; it may fail with a Problem before that. */
export type Visit = (host: string, signal: AbortSignal) => Promise<(socket: Socket) => void>

/**
 * Where other processes of this user find the gateway of this one: a socket that nobody else may use. A client writes a
 * line of JSON that names a host, and reads one that says whether it is there; then it speaks SSH. Resolves with what
 * closes it, clients included.
 */
export async function openDoor(
  platform: Pick<Platform, 'folders' | 'logger'>,
  visit: Visit,
): Promise<Disposer> {
  const folder = folderOf(platform.folders.state)
  await makeFolder(folder, 0o700)
  // Between its making and its mode a socket is safe by its folder.
  await chmod(folder, 0o700)
  const name = `${process.pid}-${randomBytes(4).toString('hex')}`
  const { path, dispose } = await placeOf(folder, name, platform.folders.temporary)
  const clients = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    if (clients.size >= MOST_CLIENTS) {
      socket.destroy()
      return
    }
    clients.add(socket)
    socket.once('close', () => clients.delete(socket))
    void receive(socket, visit)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  if (process.platform !== 'win32') await chmod(path, 0o600)
  server.on('error', (error) => platform.logger.warn('gateway: the socket failed', { error: String(error) }))
  const announcement = join(folder, `${name}.json`)
  await writeFile(announcement, JSON.stringify({ path }), { mode: 0o600 })
  return async () => {
    await rm(announcement, { force: true })
    const closed = new Promise((resolve) => server.close(resolve))
    for (const client of clients) client.destroy()
    await closed
    await dispose()
  }
}

async function placeOf(
  folder: string,
  name: string,
  temporary: string,
): Promise<{ readonly path: string; readonly dispose: () => Promise<void> }> {
  if (process.platform === 'win32')
    return { path: `\\\\.\\pipe\\berth-${name}`, dispose: async () => undefined }
  const path = join(folder, `${name}.sock`)
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, dispose: () => rm(path, { force: true }) }
  const own = await mkdtemp(join(temporary, 'berth-gateway-'))
  return { path: join(own, 'ssh.sock'), dispose: () => rm(own, { recursive: true, force: true }) }
}

async function receive(socket: Socket, visit: Visit): Promise<void> {
  const over = new AbortController()
  socket.once('close', () => over.abort())
  const timer = setTimeout(() => socket.destroy(), LINE_LIMIT)
  try {
    const line = await firstLine(socket)
    clearTimeout(timer)
    const { host } = Asked.parse(JSON.parse(line))
    const release = hold(socket, () => over.abort())
    const join = await visit(host, over.signal).finally(release)
    socket.write(`${JSON.stringify({ ok: true })}\n`)
    join(socket)
    // It was held for what follows its first line.
    socket.resume()
  } catch (error) {
    clearTimeout(timer)
    const problem = error instanceof ProblemError ? error.problem : toProblem(error)
    socket.end(`${JSON.stringify({ problem })}\n`)
    socket.resume()
  }
}

/** Keeps what comes until it is released, and tells when nothing more does: an end is only seen where it is read. */
function hold(socket: Socket, onEnd: () => void): () => void {
  const held: Buffer[] = []
  let length = 0
  const take = (chunk: Buffer) => {
    held.push(chunk)
    length += chunk.length
    if (length > LONGEST_LINE) socket.pause()
  }
  socket.on('data', take)
  socket.once('end', onEnd)
  socket.resume()
  return () => {
    socket.off('data', take)
    socket.off('end', onEnd)
    socket.pause()
    if (length > 0 && !socket.readableEnded) socket.unshift(Buffer.concat(held))
  }
}

/** Reads a line, and leaves what follows it. Rejects where none comes. */
function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0)
    const settle = (action: () => void) => {
      socket.off('data', take)
      socket.off('end', ended)
      socket.off('close', ended)
      socket.pause()
      action()
    }
    const ended = () => settle(() => reject(new Error('the other side has ended the connection')))
    const take = (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      const end = held.indexOf(10)
      if (end < 0 && held.length <= LONGEST_LINE) return
      if (end < 0 || end > LONGEST_LINE) return settle(() => reject(new Error('a line that is too long')))
      settle(() => {
        const rest = held.subarray(end + 1)
        if (rest.length > 0) socket.unshift(rest)
        resolve(held.toString('utf8', 0, end))
      })
    }
    socket.on('data', take)
    socket.once('end', ended)
    socket.once('close', ended)
  })
}

/**
 * Goes through the door of a running Berth process to a host. Undefined where none is open; rejects with the
 * `ProblemError` that was answered.
 */
export async function enterDoor(
  state: string,
  host: string,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  const folder = folderOf(state)
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
  for (const name of names) {
    const file = join(folder, name)
    const path = pathIn(await readFile(file, 'utf8').catch(() => ''))
    if (path === undefined) continue
    const socket = await reach(path)
    if (socket === 'gone') await forget(file, path, folder)
    if (!socket || socket === 'gone') continue
    const onAbort = () => socket.destroy()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      socket.write(`${JSON.stringify({ host })}\n`)
      const answer = Answered.parse(JSON.parse(await firstLine(socket)))
      if ('problem' in answer) throw new ProblemError(answer.problem)
      return socket
    } catch (error) {
      socket.destroy()
      signal.throwIfAborted()
      if (error instanceof ProblemError) throw error
      // That process is ending, or of another version: the way without it is there as well.
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
  return undefined
}

/** The process that had it is gone. */
async function forget(file: string, path: string, folder: string): Promise<void> {
  await rm(file, { force: true })
  if (dirname(path) === folder) await rm(path, { force: true })
}

function pathIn(text: string): string | undefined {
  try {
    const { path } = JSON.parse(text) as { readonly path?: unknown }
    return typeof path === 'string' ? path : undefined
  } catch {
    // Being written just now.
    return undefined
  }
}

/** `gone`: nobody listens there any more. Undefined: it cannot be reached for another reason. */
function reach(path: string): Promise<Socket | 'gone' | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path, allowHalfOpen: true })
    socket.once('connect', () => resolve(socket))
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'gone' : undefined),
    )
  })
}
