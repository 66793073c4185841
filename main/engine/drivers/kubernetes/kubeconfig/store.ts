import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Disposer } from '../../../platform/disposable'
import type { Platform } from '../../../platform/platform'
import { FolderWatch } from './folder-watch'
import { type Kubeconfig, mergeKubeconfigs, readKubeconfig } from './load'
import type { KubeconfigFile } from './parse'
import { kubeconfigPaths } from './paths'

/** Milliseconds between two looks. Notifications are fast but miss network disks and folders made later. */
const POLL = 3_000
/** Milliseconds that files must have stayed the same before they are read: tools write them in several steps. */
const QUIET = 100
/** Milliseconds that a good file may be empty or broken before this is believed: its writer may be slow. */
const GRACE = 1_000
/**
 * Milliseconds that a file's stamp must be old to tell of all changes before it was read. Many systems take the times of
 * files from the last tick of their clock: one that is written over twice within a tick, and keeps its length, has one
 * stamp for both.
 */
const TICK = 50

interface Reading {
  /** Changes with the file; empty where there is none. */
  readonly stamp: string
  /** Whether something else may have been written under this stamp after it was read. */
  doubtful: boolean
  readonly file?: KubeconfigFile
}

/**
 * The user's kubeconfig files, read again when they change: in place, by rename, behind a symbolic link, or when they
 * come and go. While nobody watches, each question looks at the files.
 */
export class KubeconfigStore {
  readonly #paths: readonly string[]
  readonly #listeners = new Set<() => void>()
  readonly #folders: FolderWatch
  #readings = new Map<string, Reading>()
  #merged: Kubeconfig = mergeKubeconfigs([])
  #seen = ''
  #doubted = ''
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Timeout | undefined

  constructor(platform: Platform) {
    this.#paths = kubeconfigPaths(platform)
    this.#folders = new FolderWatch(this.#paths, () => this.#lookIn(QUIET))
  }

  /** What holds now. The same object as before where nothing changed. */
  current(): Kubeconfig {
    if (!this.#timer) this.#take(this.#read())
    return this.#merged
  }

  /** Looks at the files at once, whatever was seen of them: the server has just refused what they said. */
  refresh(): void {
    const readings = this.#read()
    if (!this.#isWorse(readings) && this.#take(readings)) this.#tell()
  }

  /** Calls back after each change, and not at once. Never throws. */
  watch(listener: () => void): Disposer {
    this.#listeners.add(listener)
    if (!this.#timer) this.#start()
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#stop()
    }
  }

  #start(): void {
    this.#take(this.#read())
    this.#seen = this.#stamps()
    this.#folders.follow()
    this.#timer = setInterval(() => this.#look(), POLL)
    this.#timer.unref()
  }

  #stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#timer = undefined
    this.#folders.close()
  }

  #look(): void {
    this.#folders.follow()
    const stamps = this.#stamps()
    if (stamps !== this.#seen) {
      this.#seen = stamps
      this.#lookIn(QUIET)
      return
    }
    const readings = this.#read()
    if (this.#doubted !== stamps && this.#isWorse(readings)) {
      this.#doubted = stamps
      this.#lookIn(GRACE)
      return
    }
    if (this.#take(readings)) this.#tell()
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#soon)
    this.#soon = setTimeout(() => this.#look(), milliseconds)
    this.#soon.unref()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** Reads what has another stamp than when it was read last, and what may have been changed under the same. */
  #read(): Map<string, Reading> {
    return new Map(
      this.#paths.map((path) => {
        const stamp = stampOf(path)
        const known = this.#readings.get(path)
        if (known?.stamp !== stamp) return [path, reading(path, stamp)]
        if (!known.doubtful) return [path, known]
        const now = reading(path, stamp)
        if (!isDeepStrictEqual(now.file, known.file)) return [path, now]
        known.doubtful = now.doubtful
        return [path, known]
      }),
    )
  }

  /** Whether a file that had contexts has none any more, and is still there. */
  #isWorse(readings: ReadonlyMap<string, Reading>): boolean {
    return [...readings].some(([path, { stamp, file }]) => {
      const before = this.#readings.get(path)?.file
      return stamp !== '' && before !== undefined && before.contexts.length > 0 && file?.contexts.length === 0
    })
  }

  #take(readings: Map<string, Reading>): boolean {
    const same = [...readings].every(([path, now]) => this.#readings.get(path) === now)
    if (same && this.#readings.size === readings.size) return false
    this.#readings = readings
    this.#merged = mergeKubeconfigs([...readings.values()].flatMap(({ file }) => file ?? []))
    return true
  }

  #stamps(): string {
    return this.#paths.map(stampOf).join('\n')
  }
}

function reading(path: string, stamp: string): Reading {
  const doubtful = Math.abs(Date.now() - changedAt(stamp)) < TICK
  const file = stamp === '' ? undefined : readKubeconfig(path)
  return { stamp, doubtful, ...(file && { file }) }
}

/** Milliseconds since the epoch; not a number where there is no file. */
function changedAt(stamp: string): number {
  return Number(stamp.split(' ')[4] ?? Number.NaN) / 1_000_000
}

function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? '' : `${code}`
  }
}
