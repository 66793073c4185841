import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Cluster, Context, User } from './model'
import { type Entry, empty, type KubeconfigFile, parseKubeconfig } from './parse'

/** All kubeconfig files of the user as one, as kubectl merges them. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, Entry<Cluster>>
  readonly users: ReadonlyMap<string, Entry<User>>
  readonly contexts: ReadonlyMap<string, Entry<Context>>
  readonly currentContext?: string
  /** Files that are there and cannot be used. */
  readonly broken: readonly KubeconfigFile[]
}

/** A thousand clusters with all their certificates have 6 MB; what is larger is something else. */
const MAX_SIZE = 16 * 1024 * 1024

/** Reads one file; undefined where there is none. Never throws, and never waits for a pipe. */
export function readKubeconfig(file: string): KubeconfigFile | undefined {
  try {
    return parseKubeconfig(file, decode(readRegular(file)))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    return empty(file, { cause: error instanceof Unusable ? error.message : `It cannot be read (${code}).` })
  }
}

class Unusable extends Error {}

function readRegular(file: string): Buffer {
  // A pipe without a writer would be waited for.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const { size } = regular(descriptor)
    const buffer = Buffer.alloc(size)
    let length = 0
    while (length < size) {
      const read = readSync(descriptor, buffer, length, size - length, length)
      if (read === 0) break
      length += read
    }
    return buffer.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

function regular(descriptor: number): { size: number } {
  const stat = fstatSync(descriptor)
  if (!stat.isFile()) throw new Unusable('It is not a regular file.')
  if (stat.size > MAX_SIZE) throw new Unusable(`It is larger than ${MAX_SIZE / 1024 / 1024} MiB.`)
  return stat
}

/** UTF-8, and what PowerShell's `>` writes. */
export function decode(bytes: Buffer): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes)
}

export function encodingOf(bytes: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return 'utf-8'
}

/**
 * Merges as kubectl does (kubernetes.io, "Organizing Cluster Access Using kubeconfig Files"): the first file that
 * names an entry decides all of it, and the first that has a current context decides that. kubectl refuses a file
 * that gives one name twice; here the first counts.
 */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): Kubeconfig {
  const current = files.find(({ currentContext }) => currentContext !== undefined)?.currentContext
  return {
    clusters: firstOfEach(files.map(({ clusters }) => clusters)),
    users: firstOfEach(files.map(({ users }) => users)),
    contexts: firstOfEach(files.map(({ contexts }) => contexts)),
    ...(current !== undefined && { currentContext: current }),
    broken: files.filter(({ fault }) => fault),
  }
}

function firstOfEach<T>(lists: readonly (readonly Entry<T>[])[]): Map<string, Entry<T>> {
  const merged = new Map<string, Entry<T>>()
  for (const entry of lists.flat()) if (!merged.has(entry.name)) merged.set(entry.name, entry)
  return merged
}
