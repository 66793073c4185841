import type { Definition, HostRequirements, ImageBuild, Mount, Service, ServiceOptions } from '#contract'
import type { Component, ContainerComponent } from './components'
import { keepsAlive } from './keep-alive'
import { type SourceFolders, type SourcePlace, sourceFolders } from './source-place'
import { expandReferences, expandShellVariables, type Growth } from './variables'

/** A container's variables, with those that tell where the source is. `$(NAME)` is filled in. */
export function environmentOf(
  { env, mountSources }: ContainerComponent,
  folders: SourceFolders,
  isOwn: boolean,
  growth: Growth,
): Map<string, string> {
  const variables = new Map<string, string>()
  if (isOwn || mountSources) {
    variables.set('PROJECTS_ROOT', folders.root)
    variables.set('PROJECT_SOURCE', folders.source)
  }
  const known = new Map(variables)
  for (const { name, value } of env) {
    // A cluster leaves `${PROJECT_SOURCE}` as it is, which nobody who writes that can mean.
    const text = expandShellVariables(value, known, growth)
    variables.set(name, expandReferences(text, variables, growth))
  }
  return variables
}

/**
 * What runs in the workspace's own container. It is kept alive, as odo and Che do it, unless the file has something
 * for it to do: a command that only keeps it alive is left to Berth, whose own ends at once when it is asked to.
 */
export function planCommand(
  { command, args }: ContainerComponent,
  env: ReadonlyMap<string, string>,
  growth: Growth,
): Pick<Definition, 'overrideCommand' | 'entrypoint' | 'command'> {
  const fill = (texts: readonly string[]) => texts.map((text) => expandReferences(text, env, growth))
  if (command.length + args.length === 0 || keepsAlive([...command, ...args]))
    return { overrideCommand: true }
  return {
    overrideCommand: false,
    ...(command.length > 0 && { entrypoint: fill(command) }),
    ...(args.length > 0 && { command: fill(args) }),
  }
}

/**
 * A volume of the file is the workspace's own, which all its containers see by that name; what is in an ephemeral one is
 * gone when the workspace stops.
 */
export function planMounts({ volumeMounts }: ContainerComponent): Mount[] {
  return volumeMounts.map(({ volume, path, size, ephemeral }) => ({
    ...(ephemeral ? { type: 'tmpfs' } : { type: 'volume', ofWorkspace: true }),
    source: volume,
    target: path,
    ...(size !== undefined && { size }),
  }))
}

/**
 * A container beside the workspace's own. Those that a `preStart` event applies are `preparing`: they run once, to their
 * end, before the others (devfile.io, "preStart").
 */
export function planService(
  container: ContainerComponent,
  made: { readonly image: string } | { readonly build: ImageBuild },
  place: SourcePlace,
  growth: Growth,
  preparing: ReadonlySet<string>,
): Service {
  const folders = sourceFolders(container, place)
  const env = environmentOf(container, folders, false, growth)
  const fill = (texts: readonly string[]) => texts.map((text) => expandReferences(text, env, growth))
  const { command, args, endpoints } = container
  const amounts = planAmounts(container)
  const { user } = container.overrides
  return {
    name: container.name,
    ...made,
    ...(command.length > 0 && { entrypoint: fill(command) }),
    ...(args.length > 0 && { command: fill(args) }),
    env: Object.fromEntries(env),
    ...(user !== undefined && { user }),
    mounts: planMounts(container),
    ...(container.mountSources && { sourceFolder: folders.source }),
    ports: [...new Set(endpoints.filter(({ protocol }) => protocol !== 'udp').map(({ port }) => port))],
    aliases: [],
    dependsOn: preparing.has(container.name)
      ? []
      : [...preparing].map((service) => ({ service, condition: 'completed' as const })),
    // As in a pod, of which those are init containers.
    restart: preparing.has(container.name) ? 'never' : 'always',
    ...(container.dedicatedAt && { ownPod: true }),
    ...(amounts && { container: amounts }),
  }
}

/** What is kept free for a service, what it may take, and what is taken from it; undefined where the file does not say. */
function planAmounts(container: ContainerComponent): ServiceOptions | undefined {
  const { memoryRequest, cpuRequest, memoryLimit, cpuLimit, overrides } = container
  const { capabilitiesDropped, noNewPrivileges } = overrides.options ?? {}
  const bytes = (amount: number) => Math.min(Math.max(1, Math.ceil(amount)), Number.MAX_SAFE_INTEGER)
  const options: ServiceOptions = {
    ...(memoryRequest !== undefined && { memoryReserved: bytes(memoryRequest) }),
    ...(cpuRequest !== undefined && { cpusReserved: cpuRequest }),
    ...(memoryLimit !== undefined && { memory: bytes(memoryLimit) }),
    ...(cpuLimit !== undefined && { cpus: cpuLimit }),
    ...(capabilitiesDropped && { capabilitiesDropped }),
    ...(noNewPrivileges && { noNewPrivileges }),
    ...(overrides.readOnlyAt && { readOnly: true }),
  }
  return Object.keys(options).length > 0 ? options : undefined
}

/** What all containers together are sure to need: they run on one machine. */
export function planRequirements(containers: readonly ContainerComponent[]): HostRequirements | undefined {
  const sum = (amount: (container: ContainerComponent) => number | undefined) =>
    containers.reduce((all, container) => all + (amount(container) ?? 0), 0)
  const memory = Math.ceil(sum((container) => container.memoryRequest))
  const cpus = Math.round(sum((container) => container.cpuRequest) * 1000) / 1000
  const storage = planStorage(containers)
  if (memory === 0 && cpus === 0 && storage === 0) return undefined
  return {
    ...(cpus > 0 && { cpus }),
    ...(storage > 0 && { storage }),
    ...(memory > 0 && { memory: Math.min(memory, Number.MAX_SAFE_INTEGER) }),
  }
}

/** Bytes for the source and the home of a workspace whose volumes say how large they are: what is usual for it all. */
const sourceAndHome = 10 * 1024 ** 3

/** What source, home and the volumes that stay take together; 0 where no volume says how large it is. */
function planStorage(containers: readonly ContainerComponent[]): number {
  const mounts = containers.flatMap(({ volumeMounts }) => volumeMounts)
  const sizes = new Map(
    mounts.flatMap(({ volume, size, ephemeral }) => (ephemeral ? [] : [[volume, size ?? 0]])),
  )
  const sum = [...sizes.values()].reduce((all, size) => all + size, 0)
  return sum === 0 ? 0 : Math.min(sourceAndHome + sum, Number.MAX_SAFE_INTEGER)
}

/** Lists what of volumes and of Che's own components has no meaning for a workspace. */
export function listOthers(components: ReadonlyMap<string, Component>): void {
  const mounted = new Set<string>()
  for (const component of components.values()) {
    if (component.kind !== 'container') continue
    for (const { volume } of component.volumeMounts) mounted.add(volume)
  }
  for (const component of components.values()) {
    switch (component.kind) {
      case 'volume':
        if (!mounted.has(component.name)) component.at.ignore('no container mounts it')
        break
      case 'plugin':
      case 'custom':
        component.at.ignore(`components of the kind "${component.kind}" are for a cluster with Che`)
        break
    }
  }
}
