import { posix } from 'node:path'
import type { ProblemError } from '#contract'
import { type SftpClient, SftpFailure } from '../sftp/client'
import {
  type AttributeChange,
  attributesOf,
  type FileAttributes,
  packet,
  readAttributes,
  status,
} from '../sftp/protocol'
import { type Reader, SshProtocolError } from '../ssh/wire'
import { decodeName, encodeName } from './names'
import { closeHandle, openHandle, pathOf, readParts, type WriteOptions, writeParts } from './parts'
import { fileProblem, shownPath } from './problems'

export type { AttributeChange, FileAttributes, FileKind } from '../sftp/protocol'
export type { WriteOptions } from './parts'

/** Entries of a folder that are read unless another number is asked for. */
const LIST_LIMIT = 100_000

export interface FileEntry extends FileAttributes {
  /** As {@link decodeName} gives it; never empty, `.`, `..`, or with a slash. */
  readonly name: string
}

export interface FileListing {
  readonly entries: readonly FileEntry[]
  /** There are more than were asked for. */
  readonly truncated: boolean
}

/** The SHA-256 of the beginning of a file. */
export interface FileDigest {
  /** In hex. */
  readonly sha256: string
  /** How many bytes it is of: less than were asked for where the file is shorter. */
  readonly size: number
}

/**
 * Files of a running workspace, as its user has them. Paths are absolute; names are text from which the exact bytes can
 * be had again (names.ts). Every method rejects with a `ProblemError`: of code `file-not-found`, `permission-denied`,
 * `disk-full`, `name-taken`, `invalid-input` or `file-failed` as the workspace says, `connection-lost` for all once the
 * connection is gone, `cancelled` once the signal that the session was opened with is aborted.
 */
export class FileSession {
  readonly #client: SftpClient
  readonly #signal: AbortSignal
  readonly #digest: (path: Buffer, length: number) => Promise<FileDigest | undefined>
  readonly #onAbort: () => void

  constructor(
    client: SftpClient,
    digest: (path: Buffer, length: number) => Promise<FileDigest | undefined>,
    signal: AbortSignal,
  ) {
    this.#client = client
    this.#digest = digest
    this.#signal = signal
    this.#onAbort = () => this.close()
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get isOver(): boolean {
    return this.#client.isOver
  }

  /** Follows links. Undefined where there is nothing. */
  stat(path: string): Promise<FileAttributes | undefined> {
    return this.#look(packet.stat, path)
  }

  /** Of a link itself. Undefined where there is nothing. */
  lstat(path: string): Promise<FileAttributes | undefined> {
    return this.#look(packet.lstat, path)
  }

  async #look(type: number, path: string): Promise<FileAttributes | undefined> {
    try {
      return readAttributes(await this.#client.request(type, packet.attributes, pathOf(path)))
    } catch (error) {
      if (error instanceof SftpFailure && isNothing(error)) return undefined
      throw this.#failed(error, `“${nameOf(path)}” could not be looked at`)
    }
  }

  /** Without `.`, `..`, and slashes beyond those that are needed; links stay as they are. */
  async realpath(path: string): Promise<string> {
    return this.#oneName(packet.realpath, path, 'could not be found')
  }

  /** What a link leads to, as it is written in it. */
  async readlink(path: string): Promise<string> {
    return this.#oneName(packet.readlink, path, 'could not be followed')
  }

  async #oneName(type: number, path: string, failure: string): Promise<string> {
    try {
      const reader = await this.#client.request(type, packet.name, pathOf(path))
      if (reader.uint32() !== 1) throw new SshProtocolError('more than one name of one file')
      return decodeName(reader.string())
    } catch (error) {
      throw this.#failed(error, `“${nameOf(path)}” ${failure}`)
    }
  }

  /** What is in a folder, in no order. Names that are none are left out. */
  async list(path: string, limit = LIST_LIMIT): Promise<FileListing> {
    const title = `The folder “${nameOf(path)}” could not be read`
    try {
      const handle = await openHandle(this.#client, packet.opendir, pathOf(path))
      try {
        const entries: FileEntry[] = []
        for (;;) {
          const page = await this.#page(handle)
          if (!page) return { entries, truncated: false }
          for (const entry of page) {
            if (entries.length >= limit) return { entries, truncated: true }
            if (isName(entry.name)) entries.push(entry)
          }
        }
      } finally {
        closeHandle(this.#client, handle)
      }
    } catch (error) {
      throw this.#failed(error, title)
    }
  }

  async #page(handle: Buffer): Promise<FileEntry[] | undefined> {
    let reader: Reader
    try {
      reader = await this.#client.request(packet.readdir, packet.name, handle)
    } catch (error) {
      if (error instanceof SftpFailure && error.status === status.eof) return undefined
      throw error
    }
    const count = reader.uint32()
    // A server that says this for ever would keep us for ever.
    if (count === 0) throw new SshProtocolError('a part of a folder without an entry')
    const entries: FileEntry[] = []
    for (let index = 0; index < count; index += 1) {
      const name = decodeName(reader.string())
      reader.string()
      entries.push({ name, ...readAttributes(reader) })
    }
    return entries
  }

  /** What a file holds from `offset` on, until its end or for `length` bytes, with many parts under way at once. */
  async *read(path: string, offset = 0, length = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer, void> {
    try {
      yield* readParts(this.#client, path, offset, length)
    } catch (error) {
      throw this.#failed(error, `“${nameOf(path)}” could not be read`)
    }
  }

  /** Writes all that comes, with many parts under way at once. Rejects also with what the source throws, as it is. */
  write(path: string, source: AsyncIterable<Buffer>, options: WriteOptions): Promise<void> {
    const fail = (error: unknown) => this.#failed(error, `“${nameOf(path)}” could not be written`)
    return writeParts(this.#client, path, source, options, fail)
  }

  makeFolder(path: string): Promise<void> {
    const noAttributes = attributesOf({})
    return this.#do(
      packet.mkdir,
      `The folder “${nameOf(path)}” could not be made`,
      pathOf(path),
      noAttributes,
    )
  }

  /** Replaces a file of the new name. */
  rename(from: string, to: string): Promise<void> {
    return this.#do(packet.rename, `“${nameOf(from)}” could not be renamed`, pathOf(from), pathOf(to))
  }

  /** A file or a link, and never what a link leads to. */
  remove(path: string): Promise<void> {
    return this.#do(packet.remove, `“${nameOf(path)}” could not be deleted`, pathOf(path))
  }

  /** An empty folder. */
  removeFolder(path: string): Promise<void> {
    return this.#do(packet.rmdir, `“${nameOf(path)}” could not be deleted`, pathOf(path))
  }

  /** Follows links. */
  set(path: string, change: AttributeChange): Promise<void> {
    const title = `The permissions or the time of “${nameOf(path)}” could not be set`
    return this.#do(packet.setstat, title, pathOf(path), attributesOf(change))
  }

  /** Of a file's first `length` bytes. Undefined where the agent is too old to tell. */
  async digest(path: string, length = Number.MAX_SAFE_INTEGER): Promise<FileDigest | undefined> {
    try {
      return await this.#digest(encodeName(path), length)
    } catch (error) {
      throw this.#failed(error, `“${nameOf(path)}” could not be compared`)
    }
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#client.close()
  }

  async #do(type: number, title: string, ...parts: readonly Buffer[]): Promise<void> {
    try {
      await this.#client.request(type, packet.status, ...parts)
    } catch (error) {
      throw this.#failed(error, title)
    }
  }

  #failed(error: unknown, title: string): ProblemError {
    return fileProblem(error, title, this.#signal)
  }
}

/** Whether it can be the name of something in a folder: a hostile server may send others, to lead out of it. */
function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')
}

/** Where a part of the path is no folder there is nothing either. */
function isNothing(failure: SftpFailure): boolean {
  return failure.status === status.noSuchFile || /not a directory/i.test(failure.message)
}

function nameOf(path: string): string {
  return shownPath(posix.basename(path) || '/')
}
