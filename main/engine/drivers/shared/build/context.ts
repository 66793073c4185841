import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, type Stats } from 'node:fs'
import { lstat, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import { problem } from '#contract'
import { type IgnoreRules, parseIgnore } from './dockerignore'

/** Bytes of a Dockerfile or of what says what is left out; people write a few thousand. */
const longestText = 1024 * 1024

export interface BuildContext {
  /** A tar of the context, made while it is read. */
  readonly tar: Pack
  /** The Dockerfile's path inside the tar. */
  readonly dockerfile: string
  /** A build sees the repository that its context is. */
  readonly hasGit: boolean
}

export interface PackOptions {
  /** For comparing: the same bytes whenever and wherever the same files are packed, and nothing of `.git`. */
  readonly comparable?: boolean
  /** Gets the Dockerfile's text, a character for each byte, and returns what is packed in its place. */
  readonly rewrite?: (text: string) => string
  /** No Dockerfile. */
  readonly onlyContext?: boolean
  /** None of the folder's files. */
  readonly onlyDockerfile?: boolean
  /** The Dockerfile's text, where it is no file. */
  readonly inline?: string
}

/**
 * Packs the folder that a build may copy from. `folder` is the repository, which nothing outside of is read from;
 * `context` and `dockerfile` are relative to it.
 */
export async function packContext(
  folder: string,
  context: string,
  dockerfile: string,
  {
    comparable = false,
    rewrite = (text) => text,
    inline,
    onlyContext = false,
    onlyDockerfile = false,
  }: PackOptions = {},
): Promise<BuildContext> {
  const root = await insideFolder(folder, context)
  const file = inline === undefined ? await insideFolder(folder, dockerfile) : undefined
  const rules = parseIgnore((await readIgnore(folder, root, file)) ?? '')
  const within = file === undefined ? '' : toTarPath(relative(root, file))
  const isWithin = within !== '' && !within.startsWith('../')
  // A Dockerfile from beside the context goes along under a name that no file has, as docker's own client does it.
  const name = isWithin ? within : `.dockerfile.${comparable ? 'beside' : randomBytes(6).toString('hex')}`
  const before =
    file === undefined ? Buffer.from(inline ?? '').toString('latin1') : await readDockerfile(file)
  const after = before === undefined ? undefined : rewrite(before)
  const dockerfileText = after === before && file !== undefined ? undefined : after
  const tar = pack({ highWaterMark: 256 * 1024 })
  const kept = new Set([name, '.dockerignore'])
  const write = async () => {
    if (!isWithin && !onlyContext)
      tar.entry({ name, mtime: new Date(0) }, Buffer.from(dockerfileText ?? before ?? '', 'latin1'))
    const exchanged = new Map<string, Buffer>()
    if (isWithin && dockerfileText !== undefined) exchanged.set(name, Buffer.from(dockerfileText, 'latin1'))
    if (!onlyDockerfile) await packFolder({ tar, root, rules, kept, comparable, exchanged }, '')
    tar.finalize()
  }
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  return { tar, dockerfile: name, hasGit: !rules.ignores('.git') && existsSync(join(root, '.git')) }
}

/** Where the files of {@link packFolderOnly} are in their tar. */
const WITHIN = 'context'

/**
 * Packs a folder of the repository that a Dockerfile knows by a name, with a Dockerfile that makes an image of nothing
 * but its files. Its own `.dockerignore` counts. Rejects as {@link packContext} does.
 */
export async function packFolderOnly(folder: string, path: string): Promise<BuildContext> {
  const root = await insideFolder(folder, path)
  const rules = parseIgnore((await readIgnore(folder, root, undefined)) ?? '')
  const dockerfile = `FROM scratch\nCOPY ${WITHIN}/ /\n`
  const tar = pack({ highWaterMark: 256 * 1024 })
  const write = async () => {
    tar.entry({ name: 'Dockerfile', mtime: new Date(0) }, dockerfile)
    tar.entry({ name: `${WITHIN}/`, type: 'directory', mtime: new Date(0) })
    const kept = new Set<string>()
    await packFolder({ tar, root, rules, kept, comparable: false, exchanged: new Map(), within: WITHIN }, '')
    tar.finalize()
  }
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  return { tar, dockerfile: 'Dockerfile', hasGit: false }
}

/** Undefined for what no builder takes: a folder, say, of which the engine has its own words. */
async function readDockerfile(file: string): Promise<string | undefined> {
  return readSmallFile(file, 'The Dockerfile')
}

/** What is left out: of one Dockerfile, by a file of its name beside it; else of the context. */
async function readIgnore(
  folder: string,
  root: string,
  dockerfile: string | undefined,
): Promise<string | undefined> {
  for (const path of [...(dockerfile ? [`${dockerfile}.dockerignore`] : []), join(root, '.dockerignore')]) {
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    )
    // A link that leads nowhere, or out of the repository, must not let everything through.
    const text = isThere
      ? await readSmallFile(
          await insideFolder(folder, relative(await realpath(folder), path)),
          'The .dockerignore',
        )
      : undefined
    if (text !== undefined) return Buffer.from(text, 'latin1').toString('utf8')
  }
  return undefined
}

/**
 * A character for each byte; undefined where it is no file. Pipes and devices, which would never end, are none. Rejects
 * with `build-failed`.
 */
async function readSmallFile(path: string, what: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) return undefined
  if (found.size > longestText)
    throw problem({
      code: 'build-failed',
      title: 'The image could not be built',
      cause: `${what} is longer than ${longestText} bytes.`,
      remedy: 'Check that it is the right file.',
    })
  return readFile(path, 'latin1').catch(() => undefined)
}

/** The real path of something in a folder. Rejects with `build-failed` where it is not there, or leads out of it. */
export async function insideFolder(folder: string, path: string): Promise<string> {
  const root = await realpath(folder)
  const wanted = resolve(root, path)
  const real = await realpath(wanted).catch(() => undefined)
  if (!real) {
    throw problem({
      code: 'build-failed',
      title: 'The image could not be built',
      cause: `There is no "${path}" in the repository.`,
      remedy: 'Correct the build section of the definition.',
    })
  }
  if (real !== root && !real.startsWith(root + sep)) {
    throw problem({
      code: 'build-failed',
      title: 'The image could not be built',
      cause: `"${path}" leads out of the repository.`,
      remedy: 'Keep the Dockerfile and its context inside the repository.',
    })
  }
  return real
}

interface Packing {
  readonly tar: Pack
  readonly root: string
  readonly rules: IgnoreRules
  /** Taken although a rule leaves it out. */
  readonly kept: ReadonlySet<string>
  readonly comparable: boolean
  /** What is packed in place of what a file holds, by its path in the tar. */
  readonly exchanged: ReadonlyMap<string, Buffer>
  /** A folder of the tar that all of it is put into. */
  readonly within?: string
}

async function packFolder(packing: Packing, below: string): Promise<void> {
  const { tar, root, rules, kept, comparable } = packing
  for (const name of (await readdir(join(root, below))).sort()) {
    const path = below ? `${below}/${name}` : name
    const full = join(root, path)
    const stat = await lstat(full)
    const ignored = rules.ignores(path) && !kept.has(path)
    if (stat.isDirectory()) {
      if (comparable && name === '.git') continue
      const mayHoldKept = rules.hasExceptions || [...kept].some((one) => one.startsWith(`${path}/`))
      if (ignored && !mayHoldKept) continue
      if (!ignored) tar.entry({ ...header(packing, `${path}/`, stat), type: 'directory' })
      await packFolder(packing, path)
    } else if (ignored) {
    } else if (stat.isSymbolicLink()) {
      tar.entry({ ...header(packing, path, stat), type: 'symlink', linkname: await readlink(full) })
    } else if (stat.isFile()) {
      await packFile(packing, full, path, stat)
    }
    // Sockets, pipes and devices have no place in an image.
  }
}

async function packFile(packing: Packing, full: string, path: string, stat: Stats): Promise<void> {
  const text = packing.exchanged.get(path)
  if (text) {
    packing.tar.entry({ ...header(packing, path, stat), size: text.length }, text)
    return
  }
  if (stat.size === 0) {
    packing.tar.entry({ ...header(packing, path, stat), size: 0 }, Buffer.alloc(0))
    return
  }
  const entry = packing.tar.entry({ ...header(packing, path, stat), size: stat.size })
  // No further than was announced, should it grow meanwhile.
  await pipeline(createReadStream(full, { end: stat.size - 1 }), entry)
}

/** Owners are left out: what a build copies belongs to root unless the Dockerfile says otherwise. */
function header({ comparable, within }: Packing, path: string, stat: Stats) {
  const name = within === undefined ? path : `${within}/${path}`
  const mtime = comparable ? new Date(0) : stat.mtime
  return { name, mode: stat.mode & 0o7777, mtime, uid: 0, gid: 0 }
}

function toTarPath(path: string): string {
  return path.split(sep).join('/')
}
