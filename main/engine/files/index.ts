import { posix } from 'node:path'
import { type Definition, problem, type Transfer, type Workspace } from '#contract'
import type { FileSession, Links } from '../link/link'
import type { ReadonlyCollection } from '../platform/collection'
import type { Handlers } from '../platform/handlers'
import type { Platform } from '../platform/platform'
import { deleteFiles, listFolder, previewFile, renameFile } from './browse'
import { createTransfers, type Transfers } from './transfers'

/** Milliseconds that a session for browsing is kept while nobody browses. */
const KEEP = 60_000

export interface FilesOptions {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
}

export interface Files {
  readonly transfers: ReadonlyCollection<Transfer>
  readonly handlers: Transfers['handlers'] &
    Pick<Handlers, 'files.list' | 'files.preview' | 'files.makeFolder' | 'files.rename' | 'files.delete'>
  dispose(): Promise<void>
}

/** Files of workspaces for the window: what is in them, and copies to and from this machine. */
export function createFiles({ platform, workspaces, links }: FilesOptions): Files {
  const transfers = createTransfers({ platform, workspaces, links })
  const browsers = new Map<string, Browser>()

  const existing = (workspaceId: string): Workspace => {
    const workspace = workspaces.get(workspaceId)
    if (workspace) return workspace
    throw problem({
      code: 'not-found',
      title: 'There is no such workspace',
      cause: `No workspace has the id ${workspaceId}.`,
      remedy: 'Refresh the list of workspaces.',
    })
  }
  const browser = (workspaceId: string): Browser => {
    existing(workspaceId)
    let found = browsers.get(workspaceId)
    if (!found) {
      found = new Browser(
        (signal) => links.get(workspaceId).files.open(signal),
        () => browsers.delete(workspaceId),
      )
      browsers.set(workspaceId, found)
    }
    return found
  }

  return {
    transfers: transfers.transfers,
    handlers: {
      ...transfers.handlers,
      'files.list': async ({ workspaceId, path }) => {
        const folder = path ?? firstFolder(existing(workspaceId).definition)
        return browser(workspaceId).with((session) => listFolder(session, folder))
      },
      'files.preview': ({ workspaceId, path }) =>
        browser(workspaceId).with((session) => previewFile(session, path)),
      'files.makeFolder': async ({ workspaceId, folder, name }) => {
        await browser(workspaceId).with((session) => session.makeFolder(posix.join(folder, name)))
        return {}
      },
      'files.rename': async ({ workspaceId, path, name }) => {
        await browser(workspaceId).with((session) => renameFile(session, path, name))
        return {}
      },
      'files.delete': async ({ workspaceId, paths }, signal) => {
        await browser(workspaceId).with((session) => deleteFiles(session, paths, signal))
        return {}
      },
    },
    async dispose() {
      for (const one of browsers.values()) one.dispose()
      await transfers.dispose()
    },
  }
}

/** One session for all browsing in a workspace, kept a while. */
class Browser {
  readonly #open: (signal: AbortSignal) => Promise<FileSession>
  readonly #gone: () => void
  readonly #ended = new AbortController()
  #session: Promise<FileSession> | undefined
  #users = 0
  #timer: NodeJS.Timeout | undefined

  constructor(open: (signal: AbortSignal) => Promise<FileSession>, gone: () => void) {
    this.#open = open
    this.#gone = gone
  }

  async with<T>(work: (session: FileSession) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer)
    this.#users += 1
    try {
      return await work(await this.#current())
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#timer = setTimeout(() => this.dispose(), KEEP)
    }
  }

  dispose(): void {
    clearTimeout(this.#timer)
    this.#gone()
    this.#ended.abort()
  }

  async #current(): Promise<FileSession> {
    const known = this.#session
    const session = await known?.catch(() => undefined)
    if (session && !session.isOver) return session
    // Whoever came meanwhile may have opened another.
    if (this.#session === known) this.#session = this.#open(this.#ended.signal)
    const opening = this.#session as Promise<FileSession>
    opening.catch(() => undefined)
    return opening
  }
}

/** Where terminals start, or the source, where that is somewhere else altogether. */
function firstFolder({
  workspaceFolder,
  sourceFolder = workspaceFolder,
}: Pick<Definition, 'workspaceFolder' | 'sourceFolder'>): string {
  const isIn = (path: string, folder: string) =>
    path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
  const isApart = !isIn(workspaceFolder, sourceFolder) && !isIn(sourceFolder, workspaceFolder)
  return isApart ? sourceFolder : workspaceFolder
}
