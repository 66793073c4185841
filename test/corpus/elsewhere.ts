import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isSeq, parseDocument } from 'yaml'
import type { RepositoryReader } from '../../main/engine/definitions/index'
import type { Found } from './find'

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
    return standInParent(found.text ?? readFileSync(join(found.root, found.path), 'utf8'))
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

/** A devfile with what another one overrides, so that the overrides have something to change. */
export function standInParent(child: string): string {
  const document = parseDocument(child)
  const named = (section: string, key: string): string[] => {
    const list = document.getIn(['parent', section])
    return isSeq(list) ? list.items.flatMap((item) => (isMap(item) ? [String(item.get(key))] : [])) : []
  }
  const kinds = (section: string, at: number): string[] => {
    const item = document.getIn(['parent', section, at])
    return isMap(item) ? item.items.map(({ key }) => String(key)) : []
  }
  const component = (name: string, index: number) => {
    const is = (kind: string) => kinds('components', index).includes(kind)
    if (is('volume')) return { name, volume: {} }
    if (is('kubernetes') || is('openshift'))
      return { name, [is('kubernetes') ? 'kubernetes' : 'openshift']: { inlined: 'kind: List' } }
    if (is('image')) return { name, image: { imageName: 'stand-in', dockerfile: { uri: 'Dockerfile' } } }
    return { name, container: { image: 'stand-in' } }
  }
  const components = named('components', 'name').map(component)
  const container = components.find((one) => 'container' in one)?.name ?? 'stand-in-container'
  const variables = document.getIn(['parent', 'variables'])
  const projects = (section: string) =>
    named(section, 'name').map((name) => ({
      name,
      git: { remotes: { origin: 'https://example.com/x.git' } },
    }))
  return JSON.stringify({
    schemaVersion: '2.3.0',
    ...(isMap(variables) && { variables: variables.toJSON() }),
    components: [
      ...components,
      ...(container === 'stand-in-container' ? [{ name: container, container: { image: 'stand-in' } }] : []),
    ],
    commands: named('commands', 'id').map((id) => ({
      id,
      exec: { component: container, commandLine: 'true' },
    })),
    projects: projects('projects'),
    starterProjects: projects('starterProjects'),
  })
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
