import {
  closeSync,
  createReadStream,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Headers, type Pack, pack as tarPack } from 'tar-stream'
import { problem } from '#contract'
import { Pause } from './pause'
import { drained, readableOf } from './streams'
import type { Tally } from './tally'
import { SMALL } from './writer'

export interface PackOptions {
  /** The top entry's name in the archive; null leaves the top out and packs what the folder holds. */
  readonly name: string | null
  /** The folder below which all entries lie, absolute: where the archive will be unpacked at `/`. */
  readonly below?: string
  /** Who shall own the entries. */
  readonly uid: number
  readonly gid: number
  /** Whether a file is there already and is left out; asked with its name below the top. */
  readonly isThere?: (name: string, stats: Stats) => boolean
}

/**
 * Packs a file or folder of this machine as a tar stream: modes, times, symbolic and hard links are kept. The stream
 * fails if a file becomes shorter while it is read; what grows is cut at the length that it had.
 */
export function pack(root: string, options: PackOptions, tally: Tally): Readable {
  const tar = tarPack()
  const walker = new Walker(tar, options, tally)
  walker.walk(root, options.name).then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  )
  return readableOf(tar)
}

type Fields = Headers & Required<Pick<Headers, 'type'>>

class Walker {
  readonly #tar: Pack
  readonly #options: PackOptions
  readonly #tally: Tally
  readonly #pause = new Pause()
  /** Name in the archive of the first entry of a file that has several names. */
  readonly #links = new Map<string, string>()

  constructor(tar: Pack, options: PackOptions, tally: Tally) {
    this.#tar = tar
    this.#options = options
    this.#tally = tally
  }

  async walk(path: string, name: string | null): Promise<void> {
    if (this.#pause.isDue) await this.#pause.now()
    const stats = lstatSync(path)
    if (stats.isDirectory()) {
      if (name !== null) await this.#entry(stats, { name: `${name}/`, type: 'directory' })
      for (const child of readdirSync(path).sort()) {
        const childName = name === null ? child : `${name}/${child}`
        if (child.includes('\ufffd')) this.#tally.skip(childName, 'its name is not valid UTF-8')
        else await this.walk(join(path, child), childName)
      }
      return
    }
    if (name === null) throw notAFolder(path)
    if (stats.isSymbolicLink()) {
      await this.#entry(stats, { name, type: 'symlink', linkname: readlinkSync(path) })
      this.#tally.addFile(name)
    } else if (stats.isFile()) await this.#file(path, name, stats)
    else this.#tally.skip(name, 'it is neither a file nor a folder')
  }

  async #file(path: string, name: string, stats: Stats): Promise<void> {
    const key = `${stats.dev}:${stats.ino}`
    const first = stats.nlink > 1 ? this.#links.get(key) : undefined
    if (first !== undefined) await this.#entry(stats, { name, type: 'link', linkname: first })
    else {
      if (stats.nlink > 1) this.#links.set(key, name)
      if (this.#options.isThere?.(name, stats)) this.#tally.addBytes(stats.size)
      else await this.#content(path, name, stats)
    }
    this.#tally.addFile(name)
  }

  async #content(path: string, name: string, stats: Stats): Promise<void> {
    const header = this.#header(stats, { name, type: 'file', size: stats.size })
    if (stats.size > SMALL) return this.#largeContent(path, header, stats)
    const content = readWhole(path, stats.size)
    this.#tally.addBytes(content.length)
    await this.#add((done) => this.#tar.entry(header, content, done))
  }

  async #largeContent(path: string, header: Fields, stats: Stats): Promise<void> {
    let finish: (error?: Error | null) => void = () => undefined
    const finished = new Promise<void>((resolve, reject) => {
      finish = (error) => (error ? reject(error) : resolve())
    })
    // Awaited below; a failure before that shows in writing already.
    finished.catch(() => undefined)
    const entry = this.#tar.entry(header, (error) => finish(error))
    entry.on('error', () => undefined)
    const content = createReadStream(path, { end: stats.size - 1, highWaterMark: 256 * 1024 })
    // Leaving the loop early makes Node destroy the stream with an error that nobody else listens to.
    content.on('error', () => undefined)
    let read = 0
    for await (const chunk of content as AsyncIterable<Buffer>) {
      read += chunk.length
      this.#tally.addBytes(chunk.length)
      if (!entry.write(chunk)) await drained(entry)
    }
    if (read < stats.size) throw changed(path)
    entry.end()
    await finished
  }

  #entry(stats: Stats, fields: Fields): Promise<void> {
    return this.#add((done) => this.#tar.entry(this.#header(stats, fields), done))
  }

  #add(add: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => add((error) => (error ? reject(error) : resolve())))
  }

  #header(stats: Stats, fields: Fields): Fields {
    const { uid, gid, below = '/' } = this.#options
    const prefix = below === '/' ? '' : `${below.slice(1)}/`
    return {
      mode: stats.mode & 0o7777,
      mtime: stats.mtime,
      uid,
      gid,
      ...fields,
      name: prefix + fields.name,
      ...(fields.type === 'link' && { linkname: prefix + fields.linkname }),
    }
  }
}

/** The first `size` bytes of a file. */
function readWhole(path: string, size: number): Buffer {
  const content = Buffer.allocUnsafe(size)
  const file = openSync(path, 'r')
  try {
    for (let at = 0; at < size; ) {
      const count = readSync(file, content, at, size - at, at)
      if (count === 0) throw changed(path)
      at += count
    }
  } finally {
    closeSync(file)
  }
  return content
}

function notAFolder(path: string) {
  return problem({
    code: 'invalid-input',
    title: `${path} is not a folder`,
    cause: 'A path that ends with “/.” means what a folder holds.',
    remedy: 'Leave the “/.” out to copy the file.',
  })
}

function changed(path: string) {
  return problem({
    code: 'invalid-input',
    title: `${path} changed while it was copied`,
    cause: 'It became shorter.',
    remedy: 'Copy it again when nothing writes to it.',
  })
}
