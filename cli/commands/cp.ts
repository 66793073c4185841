import { lstat, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, posix, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ProblemError, problem, type Workspace } from '#contract'
import type { Connected } from '../../main/engine/files/connected'
import { downloadFile } from '../../main/engine/files/download-file'
import { extract } from '../../main/engine/files/tar/extract'
import { pack } from '../../main/engine/files/tar/pack'
import { uploadFile } from '../../main/engine/files/upload-file'
import type { Link } from '../../main/engine/link/link'
import { systemClock } from '../../main/engine/platform/clock'
import { Companion } from '../accompany'
import { localEndings, parsePlace, type RemotePath, remotePath } from '../copy/place'
import { type RemoteEntry, remoteEntry } from '../copy/remote'
import { Tally } from '../copy/tally'
import type { CopyDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { findWorkspace } from '../select'
import { printable } from '../text'

/** Bytes from which on a file is copied in a way that can be gone on with: for less, making that way takes longer. */
const LARGE = 32 * 1024 * 1024
/** Milliseconds that the agent is waited for before it is done without, and a lost connection before that is given up. */
const AGENT_PATIENCE = 15_000
const PATIENCE = 5 * 60_000

interface Remote {
  readonly workspace: Workspace
  readonly link: Link
  readonly path: RemotePath
  readonly companion: Companion
}

/** `berth cp`: a file, a folder or a tar stream, into a workspace or out of it. */
export async function cp(context: CommandContext, from: string, to: string): Promise<undefined> {
  const source = parsePlace(from)
  const destination = parsePlace(to)
  const tally = new Tally(context.quiet ? undefined : context.console)
  const copying = (work: Promise<void>, { companion }: Remote) => work.finally(() => companion.end())
  if (source.kind === 'workspace' && destination.kind !== 'workspace') {
    const remote = await openRemote(context, source.workspace, source.path)
    const isStream = destination.kind === 'stream'
    await copying(
      isStream ? toStream(context, remote) : toLocal(context, remote, destination.path, tally),
      remote,
    )
  } else if (destination.kind === 'workspace' && source.kind !== 'workspace') {
    const remote = await openRemote(context, destination.workspace, destination.path)
    const isStream = source.kind === 'stream'
    await copying(
      isStream ? fromStream(context, remote) : fromLocal(context, remote, source.path, tally),
      remote,
    )
  } else {
    throw new UsageError('Exactly one of the two has to be in a workspace, written as workspace:path.')
  }
  tally.clear()
  if (context.json) {
    context.document({
      from,
      to,
      files: tally.files,
      bytes: tally.bytes,
      skipped: tally.skipped,
    } satisfies CopyDocument)
    return
  }
  for (const { path, reason } of tally.skipped) context.say(`Not copied: ${printable(path)} (${reason})`)
  if (source.kind !== 'stream' && destination.kind !== 'stream') context.say(`Copied ${tally.summary()}.`)
}

async function openRemote(context: CommandContext, text: string, path: string): Promise<Remote> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  const place = remotePath(workspace, path)
  const companion = new Companion(engine, workspace)
  if (workspace.state === 'running') companion.keep('files')
  return { workspace, link: engine.links.get(workspace.id), path: place, companion }
}

async function toStream(context: CommandContext, { link, path }: Remote): Promise<void> {
  if (context.console.stdoutIsTerminal)
    throw new UsageError('A tar stream would garble the terminal. Send it to a file or a program.')
  if (context.json) throw new UsageError('--json and a tar stream cannot both go to stdout.')
  const tar = await link.read(path.path, context.signal)
  await pipeline(tar, context.console.stdout, { end: false, signal: context.signal })
}

async function fromStream(context: CommandContext, remote: Remote): Promise<void> {
  if (context.console.stdinIsTerminal)
    throw new UsageError('A tar stream is expected on stdin, and stdin is a terminal.')
  const entry = await existing(context, remote)
  if (entry.kind !== 'folder') throw notAFolder(remote.path.path)
  await remote.link.write(entry.path, context.console.stdin, context.signal)
}

async function toLocal(
  context: CommandContext,
  remote: Remote,
  localText: string,
  tally: Tally,
): Promise<void> {
  const entry = await existing(context, remote)
  if (remote.path.folder && entry.kind !== 'folder') throw notAFolder(remote.path.path)
  const there = await stat(localText).catch(absent)
  const local = resolve(localText)
  let root = local
  if (there?.isDirectory()) {
    if (!remote.path.contents) root = join(local, basename(remote.path.path) || basename(entry.path))
  } else if (there && entry.kind === 'folder') {
    throw notAFolder(localText)
  } else if (!there) {
    if (localEndings(localText).folder && entry.kind !== 'folder') throw noSuchFolder(localText)
    if (!(await stat(dirname(local)).catch(absent))?.isDirectory()) throw noSuchFolder(dirname(localText))
  }
  if (entry.kind === 'file' && entry.size >= LARGE && !(await lstat(root).catch(absent))?.isDirectory()) {
    const job = { from: entry.path, to: root, replace: true }
    if (
      await copyLarge(context, remote, tally, (to) => downloadFile({ ...to, ...job }, tally, context.signal))
    )
      return
  }
  const tar = await remote.link.read(entry.path, context.signal)
  await extract(tar, root, tally, context.signal)
}

async function fromLocal(
  context: CommandContext,
  remote: Remote,
  localText: string,
  tally: Tally,
): Promise<void> {
  const { folder, contents } = localEndings(localText)
  // As with the other direction: the path that was named is followed, links below it are copied as links.
  const local = resolve(localText)
  const source = await stat(local).catch(absent)
  if (!source) {
    const dangling = await lstat(local).catch(absent)
    throw problem({
      code: 'file-not-found',
      title: `${localText} cannot be found`,
      cause: dangling
        ? 'It is a symbolic link to nothing.'
        : 'There is no such file or folder on this machine.',
      remedy: 'Check the path.',
    })
  }
  if (folder && !source.isDirectory()) throw notAFolder(localText)
  const there = await remoteEntry(remote.link, remote.path.path, context.signal)
  const { into, name } = await landing(context, remote, there, {
    base: basename(local),
    isFolder: source.isDirectory(),
    contents,
  })
  if (source.isFile() && source.size >= LARGE && name !== null) {
    const { uid, gid } = remote.workspace.user
    const owned = { replace: true, user: { uid, gid } }
    const job = { from: await realpath(local), to: posix.join(into, name), ...owned }
    if (await copyLarge(context, remote, tally, (to) => uploadFile({ ...to, ...job }, tally, context.signal)))
      return
  }
  const { uid, gid } = remote.workspace.user
  // Written to the root, because Docker refuses links that lead out of the folder that it is told to write to.
  const tar = pack(await realpath(local), { name, below: into, uid, gid }, tally)
  // A failure on either side has to reach the other, or it would wait for ever.
  const writing = remote.link.write('/', tar, context.signal)
  const failing = new Promise<never>((_, reject) => tar.once('error', reject))
  try {
    await Promise.race([writing, failing])
  } finally {
    tar.destroy()
  }
}

/**
 * Copies one large file over the agent: it goes on where it was, also where an earlier command ended, and is compared at
 * the end. False where that way is closed and nothing was copied: there is no agent, or the workspace's user may not do
 * what a tar stream of the driver's may.
 */
async function copyLarge(
  context: CommandContext,
  { link }: Remote,
  tally: Tally,
  copy: (to: Connected) => Promise<void>,
): Promise<boolean> {
  try {
    const session = await link.files.open(context.signal, AGENT_PATIENCE)
    session.close()
    await copy({ link, clock: systemClock, patience: PATIENCE })
    return true
  } catch (error) {
    const code = error instanceof ProblemError ? error.problem.code : undefined
    const isClosed =
      code === 'agent-unavailable' || code === 'permission-denied' || code === 'connection-lost'
    if (tally.bytes > 0 || !isClosed) throw error
    return false
  }
}

/** Into which folder of the workspace to unpack, and under which name (null: what the folder holds). */
async function landing(
  context: CommandContext,
  remote: Remote,
  there: RemoteEntry | undefined,
  source: { readonly base: string; readonly isFolder: boolean; readonly contents: boolean },
): Promise<{ into: string; name: string | null }> {
  const { path, folder } = remote.path
  if (there?.kind === 'folder') return { into: there.path, name: source.contents ? null : source.base }
  if (there) {
    if (source.isFolder || folder) throw notAFolder(path)
    return { into: posix.dirname(there.path), name: posix.basename(there.path) }
  }
  if (folder && !source.isFolder) throw noSuchFolder(path)
  const parent = await remoteEntry(remote.link, posix.dirname(path), context.signal)
  if (parent?.kind !== 'folder') throw noSuchFolder(posix.dirname(path))
  return { into: parent.path, name: posix.basename(path) }
}

async function existing(context: CommandContext, remote: Remote): Promise<RemoteEntry> {
  const entry = await remoteEntry(remote.link, remote.path.path, context.signal)
  if (entry) return entry
  throw problem({
    code: 'file-not-found',
    title: `${remote.path.path} cannot be found`,
    cause: `There is no such file or folder in ${remote.workspace.name}.`,
    remedy: `Paths without a leading slash begin at ${remote.workspace.definition.workspaceFolder}.`,
  })
}

function notAFolder(path: string) {
  return problem({
    code: 'invalid-input',
    title: `${path} is not a folder`,
    cause: 'A folder is needed there.',
    remedy: 'Name a folder, or take what is there away first.',
  })
}

function noSuchFolder(path: string) {
  return problem({
    code: 'file-not-found',
    title: `The folder ${path} cannot be found`,
    cause: 'It has to exist before something is copied into it.',
    remedy: 'Make it first.',
  })
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
  throw error
}
