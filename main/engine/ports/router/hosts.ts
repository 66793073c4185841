import type { Workspace } from '#contract'

export type Named = Pick<Workspace, 'id' | 'name' | 'createdAt'>

/**
 * The name of each workspace in its URLs, by workspace id. It is the workspace's own name; where several (on different
 * targets) have the same one, the oldest keeps it and the others are called `<name>-<id>`. This depends on nothing
 * but the workspaces themselves, so every Berth process and every laptop gives the same URLs.
 */
export function urlNames(workspaces: readonly Named[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const taken = new Set<string>()
  const ordered = [...workspaces].sort(
    (one, two) => one.createdAt - two.createdAt || (one.id < two.id ? -1 : one.id > two.id ? 1 : 0),
  )
  const plain = new Set(ordered.map((workspace) => workspace.name))
  for (const { id, name } of ordered) {
    let chosen = name
    if (taken.has(chosen)) chosen = `${name}-${id}`
    // Another workspace bears exactly that name.
    while (taken.has(chosen) || (chosen !== name && plain.has(chosen))) chosen = `${chosen}-${id}`.slice(-57)
    taken.add(chosen)
    names.set(id, chosen)
  }
  return names
}

export interface RoutedHost {
  readonly port: number
  /** The workspace's name in URLs. */
  readonly name: string
}

/** The routing part of a Host header: `<port>-<name>.localhost`, with or without the router's own port. Else undefined. */
export function parseHost(host: string | undefined, routerPort: number): RoutedHost | undefined {
  const match = /^([1-9]\d{0,4})-([a-z0-9](?:[a-z0-9-]{0,56}[a-z0-9])?)\.localhost\.?(?::(\d{1,5}))?$/.exec(
    host?.toLowerCase() ?? '',
  )
  if (!match) return undefined
  const port = Number(match[1])
  // Without a port it means 80: someone may have put the router behind it.
  if (match[3] !== undefined && Number(match[3]) !== routerPort) return undefined
  if (port > 65535) return undefined
  return { port, name: match[2] ?? '' }
}

export function originOf(port: number, name: string, routerPort: number): string {
  return `http://${port}-${name}.localhost${routerPort === 80 ? '' : `:${routerPort}`}`
}
