import { isMap, parseDocument } from 'yaml'

interface Entry {
  readonly name?: unknown
  readonly id?: unknown
  readonly [kind: string]: unknown
}

/**
 * A devfile with what another one changes of its parent, or takes from it, so that there is something to change and to
 * take.
 */
export function standInParent(child: string): string {
  const document = parseDocument(child)
  const whole = entriesOf(isMap(document.contents) ? document.toJSON() : {})
  const parent = entriesOf(whole.parent)
  const own = { components: list(whole.components), commands: list(whole.commands) }
  const changed = { components: list(parent.components), commands: list(parent.commands) }
  const all = [...own.commands, ...changed.commands]
  const owned = names(own.components, 'name')

  const components = new Map<string, object>()
  for (const entry of changed.components) components.set(String(entry.name), component(entry))
  const container = [...components].find(([, made]) => 'container' in made)?.[0] ?? 'stand-in-container'
  if (!components.has(container)) components.set(container, component({ name: container }))
  const add = (name: unknown, made: object) => {
    if (typeof name === 'string' && !owned.has(name) && !components.has(name)) components.set(name, made)
  }
  for (const { exec, apply } of all) {
    for (const kind of [exec, apply]) {
      const { component: name } = entriesOf(kind)
      add(name, component({ name }))
    }
  }
  for (const { container: of } of [...own.components, ...changed.components])
    for (const { name } of list(entriesOf(of).volumeMounts)) add(name, { name, volume: {} })

  const commands = new Map<string, object>()
  const exec = { component: container, commandLine: 'true' }
  for (const { id, ...kinds } of changed.commands)
    commands.set(String(id), command(String(id), kinds, container))
  const taken = names(own.commands, 'id')
  const need = (ids: unknown, kind: object) => {
    for (const id of Array.isArray(ids) ? ids : []) {
      const name = String(id).toLowerCase()
      if (!taken.has(name) && !commands.has(name)) commands.set(name, { id: name, ...kind })
    }
  }
  for (const { composite } of all) need(entriesOf(composite).commands, { exec })
  const events = entriesOf(whole.events)
  for (const name of ['postStart', 'preStop']) need(events[name], { exec })
  for (const name of ['preStart', 'postStop']) need(events[name], { apply: { component: container } })

  const projects = (section: unknown) =>
    list(section).map((entry) => ({
      name: entry.name,
      ...('zip' in entry
        ? { zip: { location: 'https://example.com/x.zip' } }
        : { git: { remotes: { origin: 'https://example.com/x.git' } } }),
    }))
  return JSON.stringify({
    schemaVersion: '2.3.0',
    ...(parent.variables !== undefined && { variables: parent.variables }),
    components: [...components.values()],
    commands: [...commands.values()],
    projects: projects(parent.projects),
    starterProjects: projects(parent.starterProjects),
  })
}

function component(entry: Entry): object {
  const { name } = entry
  if ('volume' in entry) return { name, volume: {} }
  for (const kind of ['kubernetes', 'openshift'])
    if (kind in entry) return { name, [kind]: { inlined: 'kind: List' } }
  if ('image' in entry) return { name, image: { imageName: 'stand-in', dockerfile: { uri: 'Dockerfile' } } }
  return { name, container: { image: 'stand-in' } }
}

/** Of the kind that it is changed as. */
function command(id: string, kinds: object, component: string): object {
  if ('composite' in kinds) return { id, composite: { commands: [] } }
  if ('apply' in kinds) return { id, apply: { component } }
  return { id, exec: { component, commandLine: 'true' } }
}

function entriesOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
}

const list = (value: unknown): Entry[] => (Array.isArray(value) ? value.map((item) => entriesOf(item)) : [])

const names = (entries: readonly Entry[], key: 'name' | 'id') =>
  new Set(entries.map((entry) => String(entry[key])))
