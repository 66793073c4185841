import { randomUUID } from 'node:crypto'
import { type FSWatcher, watch } from 'node:fs'
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { OperationKind, problem, Workspace } from '#contract'
import { makeFolder } from '../platform/make-folder'
import type { Platform } from '../platform/platform'
import { isAlive, thisProcess } from '../platform/process-identity'
import { writingTo } from './writable'

/**
 * What one Berth process tells the others of this machine while it changes a workspace, and what it leaves behind
 * when it is killed. Holds no secrets.
 */
export const LockContent = z.strictObject({
  version: z.literal(1),
  workspaceId: z.string(),
  workspaceName: z.string(),
  targetId: z.string(),
  kind: OperationKind,
  /** What it is doing, for people: `building the image`. */
  phase: z.string(),
  pid: z.number().int(),
  start: z.string(),
  /** Tells two engines of one process apart. */
  holder: z.string(),
  /** The workspace as it will be, while the target does not know it yet. */
  draft: Workspace.optional(),
})
export type LockContent = z.infer<typeof LockContent>

export interface Lock {
  /** Tells what is being done now. Never rejects. */
  update(fields: Partial<Pick<LockContent, 'phase' | 'draft' | 'workspaceName'>>): void
  release(): Promise<void>
}

/** Another engine's lock, or what is left of it. */
export interface OtherLock {
  readonly content: LockContent
  readonly alive: boolean
}

/** How often processes that hold a lock are looked at, milliseconds: one that was killed tells nobody. */
const lookEvery = 1000

/**
 * One lock file per workspace, held while something changes it. Two actions on one workspace never overlap on this
 * machine, whichever processes they are in.
 */
export class Locks {
  readonly #platform: Platform
  readonly #folder: string
  readonly #holder = randomUUID()
  readonly #self = thisProcess()
  readonly #onChange: () => void
  #others: ReadonlyMap<string, OtherLock> = new Map()
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #reading = Promise.resolve()
  #forgetting: Promise<unknown> = Promise.resolve()
  #disposed = false

  /** `onChange` is called after other processes' locks changed. */
  constructor(platform: Platform, onChange: () => void) {
    this.#platform = platform
    this.#onChange = onChange
    this.#folder = join(platform.folders.state, 'locks')
  }

  async start(): Promise<void> {
    await makeFolder(this.#folder)
    if (this.#disposed) return
    this.#watcher = watch(this.#folder, () => void this.refresh())
    this.#watcher.on('error', (error) => {
      this.#platform.logger.warn('Locks cannot be watched', { error: String(error) })
    })
    this.#timer = setInterval(() => void this.refresh(), lookEvery)
    this.#timer.unref()
    await this.#sweep()
    await this.refresh()
  }

  /** What other engines of this machine do, or were doing when they were killed. */
  get others(): ReadonlyMap<string, OtherLock> {
    return this.#others
  }

  #path(workspaceId: string): string {
    return join(this.#folder, `${workspaceId}.json`)
  }

  /** A file of a moment, whose name tells whose it is, should that process be killed within it. */
  #temporary(workspaceId: string, kind: 'new' | 'stale'): string {
    const { pid, start } = this.#self
    return join(this.#folder, `${workspaceId}.${pid}-${start}.${this.#holder}.${kind}`)
  }

  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const match = /\.(\d+)-(\d*)\.[^.]+\.(?:new|stale)$/.exec(name)
      if (!match || isAlive({ pid: Number(match[1]), start: match[2] ?? '' })) continue
      await rm(join(this.#folder, name), { force: true })
    }
  }

  refresh(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read())
    return this.#reading
  }

  async #read(): Promise<void> {
    if (this.#disposed) return
    const others = new Map<string, OtherLock>()
    for (const name of await readdir(this.#folder).catch(() => [])) {
      if (!name.endsWith('.json')) continue
      const content = await this.#readLock(join(this.#folder, name))
      if (content && content.holder !== this.#holder) {
        others.set(content.workspaceId, { content, alive: isAlive(content) })
      }
    }
    const changed = JSON.stringify([...others]) !== JSON.stringify([...this.#others])
    this.#others = others
    if (changed && !this.#disposed) this.#onChange()
  }

  async #readLock(path: string): Promise<LockContent | undefined> {
    try {
      return LockContent.safeParse(JSON.parse(await readFile(path, 'utf8'))).data
    } catch {
      // Gone in between, or from a version that writes something else: it locks nothing here.
      return undefined
    }
  }

  /** Rejects with `busy` when another process holds it. A killed process's lock is taken over. */
  async acquire(
    fields: Pick<LockContent, 'workspaceId' | 'workspaceName' | 'targetId' | 'kind' | 'phase' | 'draft'>,
  ): Promise<Lock> {
    const { workspaceId, workspaceName, targetId, kind, phase, draft } = fields
    // Field by field: a caller's record may have more, and readers refuse what they do not know.
    let content: LockContent = {
      version: 1,
      ...this.#self,
      holder: this.#holder,
      workspaceId,
      workspaceName,
      targetId,
      kind,
      phase,
      ...(draft && { draft }),
    }
    const path = this.#path(fields.workspaceId)
    const temporary = this.#temporary(fields.workspaceId, 'new')
    const prepare = async () => {
      await makeFolder(this.#folder)
      await writeFile(temporary, JSON.stringify(content))
    }
    for (let attempt = 0; ; attempt++) {
      await writingTo(this.#folder, 'XDG_STATE_HOME', prepare)
      try {
        // Unlike a rename it fails where there is one, and unlike O_EXCL nobody ever reads half of it.
        await link(temporary, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        const held = await this.#readLock(path)
        if ((held && isAlive(held)) || attempt > 5) throw busyElsewhere(fields.workspaceName, held)
        await this.#removeStale(path, held)
      } finally {
        await rm(temporary, { force: true })
      }
    }

    let writing = Promise.resolve()
    let dirty = false
    let released = false
    const write = async () => {
      if (!dirty || released) return
      dirty = false
      await writeFile(temporary, JSON.stringify(content))
      await rename(temporary, path)
    }
    return {
      update: (changes) => {
        content = { ...content, ...changes }
        dirty = true
        writing = writing.then(write).catch((error: unknown) => {
          this.#platform.logger.warn('A lock could not be updated', { error: String(error) })
        })
      },
      release: async () => {
        released = true
        await writing
        await rm(path, { force: true })
      },
    }
  }

  /** Takes away a dead process's lock, unless somebody else just did and has it now. */
  async #removeStale(path: string, seen: LockContent | undefined): Promise<void> {
    const aside = this.#temporary(basename(path, '.json'), 'stale')
    try {
      await rename(path, aside)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    const taken = await this.#readLock(aside)
    if (taken && taken.holder !== seen?.holder) await link(aside, path).catch(() => undefined)
    await rm(aside, { force: true })
  }

  /** Forgets what a killed process left, once there is nothing more to tell of it. */
  forget(workspaceId: string): Promise<void> {
    const forgotten = this.#forget(workspaceId)
    this.#forgetting = Promise.allSettled([this.#forgetting, forgotten])
    return forgotten
  }

  async #forget(workspaceId: string): Promise<void> {
    const other = this.#others.get(workspaceId)
    if (!other || other.alive || this.#disposed) return
    await this.#removeStale(this.#path(workspaceId), other.content)
    await this.refresh()
  }

  async dispose(): Promise<void> {
    this.#disposed = true
    clearInterval(this.#timer)
    this.#watcher?.close()
    // Ended in the middle it would leave a file for the next process to take away.
    await this.#forgetting
    await this.#reading
  }
}

function busyElsewhere(name: string, held: LockContent | undefined) {
  return problem({
    code: 'busy',
    title: `${name} is busy`,
    cause: held
      ? `Another Berth process (${held.pid}) is ${held.phase}.`
      : 'Another Berth process is changing it.',
    remedy: 'Wait until it is done, or cancel it there.',
  })
}
