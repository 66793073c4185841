import type { FileRecord, Transfer } from '#contract'
import { count, formatBytes } from '../../lib/format'

/** A path or a name as it can be read: what is no text, or would move a cursor, is shown as unknown. */
export function shown(text: string): string {
  return text.replace(/\p{Surrogate}|\p{Cc}/gu, '\ufffd')
}

/** Whether it can be gone into: a folder, or a link to one. */
export function isFolder({ kind, target }: Pick<FileRecord, 'kind' | 'target'>): boolean {
  return (target ?? kind) === 'folder'
}

export function join(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** The folder above; the root's is itself. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/'))) || '/'
}

/** The last name of a path of this machine or of a workspace. */
export function baseName(path: string): string {
  return (
    path
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) ?? path
  )
}

export interface Crumb {
  readonly name: string
  readonly path: string
}

/** The way to a folder, from the root on. */
export function crumbsOf(path: string): readonly Crumb[] {
  const names = path.split('/').filter(Boolean)
  const below = names.map((name, index) => ({ name, path: `/${names.slice(0, index + 1).join('/')}` }))
  return [{ name: '/', path: '/' }, ...below]
}

/** `rw-r--r--` */
export function permissionText(mode: number): string {
  return [6, 3, 0]
    .map((at) =>
      'rwx'
        .split('')
        .map((letter, index) => ((mode >> at) & (4 >> index) ? letter : '-'))
        .join(''),
    )
    .join('')
}

export function kindText({ kind, target }: FileRecord): string {
  if (kind === 'link')
    return target ? `Link to a ${target === 'other' ? 'special file' : target}` : 'Broken link'
  return { file: 'File', folder: 'Folder', other: 'Special file' }[kind]
}

/** What is wrong with a name as typed, or undefined. The rule is the contract's `FileName`. */
export function fileNameFault(name: string, taken: readonly string[]): string | undefined {
  if (name === '') return 'Give it a name.'
  if (name.includes('/')) return 'A name cannot hold a slash.'
  if (name === '.' || name === '..') return 'That is no name.'
  if (new TextEncoder().encode(name).length > 255) return 'That is too long.'
  return taken.includes(name) ? 'Something in this folder has that name.' : undefined
}

/** `a.txt`, `a.txt and 3 more` */
export function transferName({ name, items }: Pick<Transfer, 'name' | 'items'>): string {
  return items > 1 ? `${shown(name)} and ${items - 1} more` : shown(name)
}

/** How a transfer goes, in few words. */
export function transferText(transfer: Transfer): string {
  const { state, files, bytes, total, skippedCount } = transfer
  const so =
    total !== undefined && state !== 'done'
      ? `${formatBytes(bytes)} of ${formatBytes(total)}`
      : formatBytes(bytes)
  const sum = files > 0 ? `${so}, ${count(files, 'file')}` : so
  const left = skippedCount > 0 ? `, ${skippedCount} not copied` : ''
  switch (state) {
    case 'running':
      return sum
    case 'waiting':
      return `Waiting for the connection. ${sum} so far`
    case 'done':
      return `${transfer.direction === 'upload' ? 'Uploaded' : 'Downloaded'} ${sum}${left}`
    case 'cancelled':
      return 'Cancelled'
    case 'failed':
      return `Stopped after ${sum}`
  }
}
