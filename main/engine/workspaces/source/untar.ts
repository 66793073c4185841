import { createWriteStream } from 'node:fs'
import { chmod, copyFile, mkdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { insideRepository } from '../../definitions/index'

/**
 * Unpacks a tar stream that came from a workspace, and so may be hostile, into a new folder of this machine. Every
 * entry's first path part (the packed folder's own name) is dropped. Nothing is written outside: links are made last,
 * so that nothing can be written through them, and devices and pipes are left out.
 */
export async function untar(stream: Readable, folder: string): Promise<void> {
  // It may break at once: nobody would hear of it, and what is read of it would never come to an end.
  let broken: Error | undefined
  stream.on('error', (error) => {
    broken = error
  })
  await mkdir(folder, { recursive: true })
  if (broken) throw broken
  // Nothing may be awaited between here and the loop: what comes before it listens is lost.
  const entries = extract()
  stream.on('error', (error) => entries.destroy(error))
  stream.pipe(entries)
  const links: { readonly path: string; readonly target: string }[] = []
  const copies: { readonly path: string; readonly target: string }[] = []
  const relative = (name: string): string | undefined => {
    const parts = name.replace(/^(?:\.\/)+/, '').split('/')
    return insideRepository('.', parts.slice(1).join('/') || '.')
  }
  try {
    for await (const entry of entries) {
      const { type, name, mode = 0o644, linkname } = entry.header
      const inside = relative(name)
      if (inside !== undefined) {
        const path = join(folder, inside)
        if (type === 'directory') await mkdir(path, { recursive: true })
        else if (type === 'symlink' && linkname) links.push({ path, target: linkname })
        else if (type === 'link' && linkname) {
          const target = relative(linkname)
          if (target !== undefined) copies.push({ path, target: join(folder, target) })
        } else if (type === 'file' || type === 'contiguous-file') {
          await mkdir(dirname(path), { recursive: true })
          await pipeline(Readable.from(entry as AsyncIterable<Buffer>), createWriteStream(path))
          await chmod(path, (mode & 0o777) | 0o600)
        }
      }
      entry.resume()
    }
  } finally {
    stream.destroy()
    entries.destroy()
  }
  for (const { path, target } of copies) {
    await mkdir(dirname(path), { recursive: true })
    await copyFile(target, path)
  }
  // All folders before the first link: what lies below a link that is there already would be made where it leads.
  for (const { path } of links) await mkdir(dirname(path), { recursive: true })
  for (const { path, target } of links) await symlink(target, path).catch(unlessTaken)
}

/** A folder is where a link would be: no archive of a folder has both. */
function unlessTaken(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
}
