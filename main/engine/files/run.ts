import { stat } from 'node:fs/promises'
import { basename, join, posix, resolve } from 'node:path'
import { problem, type Transfer, type Workspace } from '#contract'
import type { FileSession, Link } from '../link/link'
import type { Clock } from '../platform/clock'
import { type Connected, whileConnected } from './connected'
import { downloadFile, forgetDownload } from './download-file'
import { downloadFolder, forgetFolderDownload, forgetFolderUpload, uploadFolder } from './folders'
import { freeName, isThere, localName, localProblem } from './local'
import type { CopyReport } from './report'
import { sizeOf } from './size'
import { forgetUpload, uploadFile } from './upload-file'

/** Files that are copied together. */
const AT_ONCE = 4
/** Milliseconds for taking away what is unfinished, when somebody waits for that. */
const TIDYING_LIMIT = 10_000

export interface TransferRequest {
  readonly direction: Transfer['direction']
  readonly paths: readonly string[]
  /** Where they go to: of this machine, or of the workspace. */
  readonly folder: string
  /** Of uploads: whether a file that is there is replaced. */
  readonly replace: boolean
}

interface Item {
  readonly kind: 'file' | 'folder'
  readonly from: string
  readonly to: string
  /** Whether an attempt was made that may have left something. */
  begun: boolean
  done: boolean
}

/** One upload or download, which may be run again after it failed, and then goes on where it was. */
export class TransferRun {
  readonly #request: TransferRequest
  readonly #connected: Connected
  readonly #user: Workspace['user']
  readonly #claims: Set<string>
  readonly #own = new Set<string>()
  #items: Item[] | undefined
  /** Bytes of all of it, once that is known. */
  total: number | undefined

  /** `claims` are the places that transfers under way copy to: no two take the same. */
  constructor(
    request: TransferRequest,
    link: Link,
    user: Workspace['user'],
    clock: Clock,
    claims: Set<string>,
  ) {
    this.#request = request
    this.#connected = { link, clock, patience: Number.POSITIVE_INFINITY }
    this.#user = user
    this.#claims = claims
  }

  async run(report: CopyReport, signal: AbortSignal): Promise<void> {
    this.#items ??= await whileConnected(this.#connected, report, signal, (session) =>
      this.#plan(session, signal),
    )
    const left = this.#items.filter(({ done }) => !done)
    const files = left.filter(({ kind }) => kind === 'file')
    // One that fails ends its neighbours, and waits for them: nothing goes on behind a failure.
    const over = new AbortController()
    const both = AbortSignal.any([signal, over.signal])
    let failure: { readonly error: unknown } | undefined
    const work = async () => {
      for (let item = files.shift(); item && !failure; item = files.shift()) {
        try {
          await this.#copy(item, report, both)
        } catch (error) {
          failure ??= { error }
          over.abort()
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (failure) throw failure.error
    for (const item of left.filter(({ kind }) => kind === 'folder')) await this.#copy(item, report, signal)
  }

  /** Others may copy to the same places from now on. */
  release(): void {
    for (const claim of this.#own) this.#claims.delete(claim)
    this.#own.clear()
  }

  #claimOf(to: string): string {
    const { direction } = this.#request
    return direction === 'download' ? to : `${this.#connected.link.workspaceId} ${to}`
  }

  /** The first of the names that nothing has; it is then taken. */
  async #claim(folder: string, name: string, isTaken: (name: string) => Promise<boolean>): Promise<string> {
    const path = this.#request.direction === 'download' ? join : posix.join
    const free = await freeName(name, async (one) => {
      const claim = this.#claimOf(path(folder, one))
      if (this.#claims.has(claim)) return true
      // From here on, so that nobody else finds it free meanwhile.
      this.#claims.add(claim)
      this.#own.add(claim)
      const taken = await isTaken(one)
      if (taken) {
        this.#claims.delete(claim)
        this.#own.delete(claim)
      }
      return taken
    })
    return path(folder, free)
  }

  /** Takes away what is unfinished, as far as that can be done. Never rejects. */
  async forget(): Promise<void> {
    const signal = AbortSignal.timeout(TIDYING_LIMIT)
    const unfinished = this.#items?.filter(({ done }) => !done) ?? []
    if (unfinished.length === 0) return
    const { link } = this.#connected
    try {
      if (this.#request.direction === 'download') {
        for (const { kind, from, to } of unfinished)
          await (kind === 'file' ? forgetDownload : forgetFolderDownload)({ link, from, to })
        return
      }
      const session = await link.files.open(signal, TIDYING_LIMIT)
      try {
        for (const { kind, from, to } of unfinished)
          if (kind === 'file') await forgetUpload({ link, from, to }, session)
          else await forgetFolderUpload({ link, from, to }, session, signal)
      } finally {
        session.close()
      }
    } catch {
      // It lies there under a name that says what it is.
    }
  }

  async #copy(item: Item, report: CopyReport, signal: AbortSignal): Promise<void> {
    const { kind, from, to } = item
    const isUpload = this.#request.direction === 'upload'
    if (kind === 'folder') {
      const { uid, gid } = this.#user
      const job = { ...this.#connected, from, to, goesOn: item.begun, user: { uid, gid } }
      item.begun = true
      await (isUpload ? uploadFolder : downloadFolder)(job, report, signal)
    } else {
      const { uid, gid } = this.#user
      const replace = isUpload && this.#request.replace
      const job = { ...this.#connected, from, to, replace, user: { uid, gid } }
      await (isUpload ? uploadFile : downloadFile)(job, report, signal)
    }
    item.done = true
  }

  #plan(session: FileSession, signal: AbortSignal): Promise<Item[]> {
    this.release()
    return this.#request.direction === 'upload'
      ? this.#planUpload(session, signal)
      : this.#planDownload(session)
  }

  async #planUpload(session: FileSession, signal: AbortSignal): Promise<Item[]> {
    const items: Item[] = []
    const { folder, replace } = this.#request
    let total = 0
    for (const path of this.#request.paths) {
      const from = resolve(path)
      const facts = await stat(from).catch((error) => {
        throw localProblem(error, from)
      })
      const isFolder = facts.isDirectory()
      const to = await this.#claim(folder, basename(from), async (name) => {
        const there = await session.lstat(posix.join(folder, name))
        return there !== undefined && (isFolder || there.kind === 'folder' || !replace)
      })
      total += isFolder ? await sizeOf(from, signal) : facts.size
      items.push({ kind: isFolder ? 'folder' : 'file', from, to, begun: false, done: false })
    }
    this.total = total
    return items
  }

  async #planDownload(session: FileSession): Promise<Item[]> {
    const items: Item[] = []
    const folder = resolve(this.#request.folder)
    let total: number | undefined = 0
    for (const from of this.#request.paths) {
      const facts = await session.stat(from)
      if (facts?.kind !== 'file' && facts?.kind !== 'folder') throw notCopied(from)
      const name = localName(posix.basename(from))
      const to = await this.#claim(folder, name, (one) => isThere(join(folder, one)))
      total = facts.kind === 'folder' || total === undefined ? undefined : total + facts.size
      items.push({ kind: facts.kind, from, to, begun: false, done: false })
    }
    this.total = total
    return items
  }
}

function notCopied(path: string) {
  return problem({
    code: 'file-not-found',
    title: `“${posix.basename(path)}” could not be copied`,
    cause: 'There is no such file or folder in the workspace any more, or it is neither.',
    remedy: 'Look at its folder again.',
  })
}
