import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Disposer } from '../../platform/disposable'
import { configFolder } from '../../platform/docker-logins'
import type { Platform } from '../../platform/platform'
import { type DockerContext, readContexts } from './contexts'

/** Milliseconds between two looks. Notifications are fast but miss network disks and folders made later. */
const POLL = 3_000
/** Milliseconds of quiet to wait for after a notification: docker writes a context in several steps. */
const QUIET = 50

/** Calls back at once with the contexts there are, and again after every change of them. */
export function watchContexts(
  platform: Platform,
  listener: (contexts: readonly DockerContext[]) => void,
): Disposer {
  let last = ''
  let soon: NodeJS.Timeout | undefined
  const watchers = new Map<string, FSWatcher>()
  const folder = configFolder(platform)
  const look = () => {
    const contexts = readContexts(platform)
    const now = fingerprint(contexts)
    if (now !== last) {
      last = now
      listener(contexts)
    }
    // Folders may have come since.
    for (const path of [folder, join(folder, 'contexts', 'meta')]) follow(path)
  }
  const follow = (path: string) => {
    if (watchers.has(path)) return
    try {
      const watcher = watch(path, { persistent: false }, () => {
        clearTimeout(soon)
        soon = setTimeout(look, QUIET)
      })
      watcher.on('error', () => {
        watcher.close()
        watchers.delete(path)
      })
      watchers.set(path, watcher)
    } catch {
      // Not there (yet): polling sees when it is.
    }
  }
  look()
  const timer = setInterval(look, POLL)
  timer.unref()
  return () => {
    clearInterval(timer)
    clearTimeout(soon)
    for (const watcher of watchers.values()) watcher.close()
    watchers.clear()
  }
}

/** Everything of the contexts that matters, certificates included. */
function fingerprint(contexts: readonly DockerContext[]): string {
  return JSON.stringify(contexts, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
      ? JSON.stringify(value)
      : value,
  )
}
