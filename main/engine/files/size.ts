import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Pause } from './tar/pause'

/** Bytes of all files below a folder of this machine. What cannot be looked at counts nothing. */
export async function sizeOf(top: string, signal: AbortSignal): Promise<number> {
  const pause = new Pause()
  const folders = [top]
  let size = 0
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) folders.push(path)
        else if (entry.isFile()) size += lstatSync(path).size
        if (pause.isDue) await pause.now()
        signal.throwIfAborted()
      }
    } catch {
      signal.throwIfAborted()
    }
  }
  return size
}
