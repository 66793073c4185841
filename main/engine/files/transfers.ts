import { randomUUID } from 'node:crypto'
import { basename, posix } from 'node:path'
import { cancelled, problem, type Transfer, toProblem, type Workspace } from '#contract'
import type { Links } from '../link/link'
import { Collection, type ReadonlyCollection } from '../platform/collection'
import type { Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import type { CopyReport } from './report'
import { type TransferRequest, TransferRun } from './run'

/** Milliseconds between two words about how one goes. */
const TOLD_EVERY = 150
/** Of what was not copied, how much is told; and of transfers that are over, how many are remembered. */
const SKIPPED_LIMIT = 50
const REMEMBERED = 50

export interface Transfers {
  readonly transfers: ReadonlyCollection<Transfer>
  readonly handlers: Pick<
    Handlers,
    'transfers.upload' | 'transfers.download' | 'transfers.cancel' | 'transfers.resume' | 'transfers.dismiss'
  >
  /** Ends all; what is unfinished stays where it is, and the same transfer goes on with it. */
  dispose(): Promise<void>
}

export interface TransfersDependencies {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
}

interface Entry {
  readonly run: TransferRun
  controller: AbortController
  going: Promise<void>
}

const isOver = ({ state }: Transfer) => state !== 'running' && state !== 'waiting'

/** Uploads and downloads of the window: they go on whatever it shows, and wait while a workspace is not reached. */
export function createTransfers({ platform, workspaces, links }: TransfersDependencies): Transfers {
  const { clock } = platform
  const transfers = new Collection<Transfer>()
  const entries = new Map<string, Entry>()
  const claims = new Set<string>()
  let isDisposed = false

  const find = (id: string): Entry => {
    const entry = entries.get(id)
    if (entry) return entry
    throw problem({
      code: 'not-found',
      title: 'That transfer is not there any more',
      cause: 'It was forgotten.',
      remedy: 'Copy the files again.',
    })
  }

  const forgetOld = () => {
    const over = transfers.list().filter(isOver)
    for (const { id, state } of over.slice(0, Math.max(0, over.length - REMEMBERED))) {
      const run = entries.get(id)?.run
      if (state === 'failed') void run?.forget().then(() => run.release())
      entries.delete(id)
      transfers.delete(id)
    }
  }

  async function go(id: string, entry: Entry): Promise<void> {
    const report = new Report(transfers, id, entry.run, () => clock.now())
    const { signal } = entry.controller
    try {
      await entry.run.run(report, signal)
      entry.run.release()
      report.end({ state: 'done' })
    } catch (error) {
      if (!signal.aborted) report.end({ state: 'failed', problem: toProblem(error) })
      else {
        if (!isDisposed) await entry.run.forget()
        entry.run.release()
        report.end({ state: 'cancelled' })
      }
    }
    forgetOld()
  }

  function begin(workspaceId: string, request: TransferRequest): { transferId: string } {
    const workspace = workspaces.get(workspaceId)
    if (!workspace || isDisposed)
      throw problem({
        code: 'not-found',
        title: 'There is no such workspace',
        cause: `No workspace has the id ${workspaceId}.`,
        remedy: 'Refresh the list of workspaces.',
      })
    const id = randomUUID()
    const [first = ''] = request.paths
    const run = new TransferRun(request, links.get(workspaceId), workspace.user, clock, claims)
    const entry: Entry = { run, controller: new AbortController(), going: Promise.resolve() }
    entries.set(id, entry)
    transfers.set({
      id,
      workspaceId,
      direction: request.direction,
      name: request.direction === 'upload' ? basename(first) : posix.basename(first),
      items: request.paths.length,
      to: request.folder,
      state: 'running',
      files: 0,
      bytes: 0,
      skipped: [],
      skippedCount: 0,
      startedAt: clock.now(),
    })
    entry.going = go(id, entry)
    return { transferId: id }
  }

  return {
    transfers,
    handlers: {
      'transfers.upload': async ({ workspaceId, paths, folder, existing }) =>
        begin(workspaceId, { direction: 'upload', paths, folder, replace: existing === 'replace' }),
      'transfers.download': async ({ workspaceId, paths, folder }) =>
        begin(workspaceId, { direction: 'download', paths, folder, replace: false }),
      'transfers.cancel': async ({ transferId }) => {
        const entry = find(transferId)
        entry.controller.abort(cancelled('The transfer'))
        await entry.going
        return {}
      },
      'transfers.resume': async ({ transferId }) => {
        const entry = find(transferId)
        const record = transfers.get(transferId)
        if (record?.state !== 'failed') return {}
        entry.controller = new AbortController()
        const { problem: _problem, endedAt: _endedAt, ...rest } = record
        transfers.set({ ...rest, state: 'running' })
        entry.going = go(transferId, entry)
        return {}
      },
      'transfers.dismiss': async ({ transferId }) => {
        const entry = find(transferId)
        const record = transfers.get(transferId)
        if (!record || !isOver(record)) return {}
        entries.delete(transferId)
        transfers.delete(transferId)
        if (record.state === 'failed') await entry.run.forget()
        entry.run.release()
        return {}
      },
    },
    async dispose() {
      isDisposed = true
      for (const { controller } of entries.values()) controller.abort(cancelled('The transfer'))
      await Promise.all([...entries.values()].map(({ going }) => going))
      entries.clear()
    },
  }
}

/** Counts, and tells of it now and then. */
class Report implements CopyReport {
  files: number
  bytes: number
  #skipped: Transfer['skipped']
  #skippedCount: number
  /** Copies of this transfer that wait for a connection. */
  #waiting = 0
  #toldAt = Number.NEGATIVE_INFINITY
  readonly #transfers: Collection<Transfer>
  readonly #id: string
  readonly #run: TransferRun
  readonly #now: () => number

  constructor(transfers: Collection<Transfer>, id: string, run: TransferRun, now: () => number) {
    this.#transfers = transfers
    this.#id = id
    this.#run = run
    this.#now = now
    const record = transfers.get(id)
    this.files = record?.files ?? 0
    // Those of what is unfinished are counted anew, when it is known how much of it is there.
    this.bytes = record?.bytes ?? 0
    this.#skipped = record?.skipped ?? []
    this.#skippedCount = record?.skippedCount ?? 0
  }

  addFile(): void {
    this.files += 1
    this.#tell()
  }

  addBytes(count: number): void {
    this.bytes += count
    this.#tell()
  }

  skip(path: string, reason: string): void {
    this.#skippedCount += 1
    if (this.#skipped.length < SKIPPED_LIMIT) this.#skipped = [...this.#skipped, { path, reason }]
  }

  mark(): () => void {
    const { files, bytes } = this
    const skipped = this.#skipped
    const skippedCount = this.#skippedCount
    return () => {
      this.files = files
      this.bytes = bytes
      this.#skipped = skipped
      this.#skippedCount = skippedCount
    }
  }

  waiting(is: boolean): void {
    this.#waiting += is ? 1 : -1
    this.#tell(true)
  }

  end(fields: Partial<Transfer>): void {
    this.#patch({ ...fields, endedAt: this.#now() })
  }

  #tell(atOnce = false): void {
    const now = this.#now()
    if (!atOnce && now - this.#toldAt < TOLD_EVERY) return
    this.#toldAt = now
    this.#patch({ state: this.#waiting > 0 ? 'waiting' : 'running' })
  }

  #patch(fields: Partial<Transfer>): void {
    const { total } = this.#run
    this.#transfers.patch(this.#id, {
      files: this.files,
      bytes: this.bytes,
      skipped: this.#skipped,
      skippedCount: this.#skippedCount,
      ...(total !== undefined && { total }),
      ...fields,
    })
  }
}
