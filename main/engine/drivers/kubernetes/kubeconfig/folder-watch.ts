import { type FSWatcher, realpathSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Tells when something changes beside files, or beside what they are links to. Folders are watched and not files: what
 * is written by rename is another file each time. Network disks may tell nothing: who uses this also looks by itself.
 */
export class FolderWatch {
  readonly #paths: readonly string[]
  readonly #onStir: () => void
  readonly #watchers = new Map<string, FSWatcher>()

  constructor(paths: readonly string[], onStir: () => void) {
    this.#paths = paths
    this.#onStir = onStir
  }

  /** Watches the folders that there are now, and no others. For each look: folders come and go. */
  follow(): void {
    const folders = new Set(this.#paths.flatMap((path) => [dirname(path), ...linkedFolder(path)]))
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#followFolder(folder)
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #followFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#onStir())
      this.#watchers.set(folder, watcher)
      watcher.on('error', () => {
        watcher.close()
        if (this.#watchers.get(folder) === watcher) this.#watchers.delete(folder)
      })
    } catch {
      // Not there (yet): the next call sees when it is.
    }
  }
}

function linkedFolder(path: string): string[] {
  try {
    return [dirname(realpathSync(path))]
  } catch {
    return []
  }
}
