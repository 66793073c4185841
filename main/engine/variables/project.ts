import { posix } from 'node:path'
import type { Source } from '#contract'

/**
 * What workspaces of one project have in common: the repository, however its URL is written and whichever branch is
 * meant; a folder; an image without its tag. A password or token in a URL is no part of it.
 */
export function projectKey(source: Source): string {
  if (source.kind === 'folder') return `folder:${source.path.replace(/(?<=.)[\\/]+$/, '')}`
  if (source.kind === 'image') return `image:${source.image.replace(/@.*$/, '').replace(/:[^/]*$/, '')}`
  return `git:${repositoryOf(source.url)}`
}

function repositoryOf(url: string): string {
  const short = /^(?:[^@/\s]+@)?([^:/\s]+):(?!\/\/)(.*)$/.exec(url)
  if (short && !url.includes('://')) return joined(short[1] ?? '', short[2] ?? '')
  try {
    const { protocol, hostname, port, pathname } = new URL(url)
    if (protocol === 'file:') return `file://${trimmed(pathname)}`
    // The usual ports lead to the same as none; another one may be another server.
    const usual: Record<string, string> = { 'http:': '80', 'https:': '443', 'ssh:': '22', 'git:': '9418' }
    return joined(port && port !== usual[protocol] ? `${hostname}:${port}` : hostname, pathname)
  } catch {
    return trimmed(url)
  }
}

const joined = (host: string, path: string) =>
  `${host.toLowerCase()}/${trimmed(posix.normalize(`/${path}`)).replace(/^\/+/, '')}`
const trimmed = (path: string) => path.replace(/\/+$/, '').replace(/\.git$/, '')
