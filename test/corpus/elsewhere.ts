import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseDocument } from 'yaml'
import type { RepositoryReader } from '../../main/engine/definitions/index'
import type { Found } from './find'
import { standInParent } from './stand-in-parent'

/**
 * Answers for what a definition names and the corpus does not have, so that the definition can be judged: a registry's
 * devfiles are looked for among the corpus's own (`stacks/<id>`), and a parent that is nowhere is one with just what the
 * devfile changes of it.
 */
export function parentsOf(found: Found, registries: readonly string[]): (address: string) => Promise<string> {
  return async (address) => {
    const [, id = '', version = ''] = /\/devfiles\/([\w.-]+)(?:\/([\w.-]+))?$/.exec(address) ?? []
    for (const registry of registries) {
      const text = id === '' ? undefined : ofRegistry(join(registry, id), version)
      if (text !== undefined) return text
    }
    return standInParent(textOf(found))
  }
}

/** A template of a cluster is one with just what the devfile changes of it. */
export async function templateOf(found: Found): Promise<{ kind: 'found'; text: string }> {
  return { kind: 'found', text: standInParent(textOf(found)) }
}

const textOf = ({ text, root, path }: Found) => text ?? readFileSync(join(root, path), 'utf8')

/** A reader of a repository of which there are definitions only: the file that a devfile names as its parent is there. */
export function withParent(reader: RepositoryReader, found: Found): RepositoryReader {
  const text = textOf(found)
  const uri: unknown = parseDocument(text).getIn(['parent', 'uri'])
  const parent = typeof uri !== 'string' ? undefined : posix.join(posix.dirname(found.path), uri)
  return {
    ...reader,
    read: async (path, limit) =>
      (await reader.read(path, limit)) ??
      (path === parent ? new TextEncoder().encode(standInParent(text)) : undefined),
  }
}

/** Folders named `stacks` below a folder: registries of devfiles. */
export function registriesBelow(top: string): string[] {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name === 'stacks')
    .map((entry) => join(entry.parentPath, entry.name))
}

function ofRegistry(folder: string, version: string): string | undefined {
  if (!existsSync(folder)) return undefined
  const versions = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'devfile.yaml')))
    .map(({ name }) => name)
    .sort()
  const wanted = versions.includes(version) ? version : (versions.at(-1) ?? '.')
  const path = join(folder, wanted, 'devfile.yaml')
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

/** A reader of a repository of which there are definitions only: a Compose file has the services that are named. */
export function withComposeFiles(reader: RepositoryReader, found: Found): RepositoryReader {
  const text = readFileSync(join(found.root, found.path), 'utf8')
  const service = /"service"\s*:\s*"([^"]+)"/.exec(text)?.[1] ?? 'app'
  const run = /"runServices"\s*:\s*\[([^\]]*)\]/.exec(text)?.[1] ?? ''
  const names = new Set([service, ...[...run.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '')])
  const services = Object.fromEntries([...names].map((name) => [name, { image: 'debian:bookworm' }]))
  return {
    ...reader,
    async read(path, limit) {
      const bytes = await reader.read(path, limit)
      if (bytes || !/\.ya?ml$/.test(path)) return bytes
      return new TextEncoder().encode(JSON.stringify({ services }))
    },
  }
}
