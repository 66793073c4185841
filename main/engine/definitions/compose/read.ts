import { posix } from 'node:path'
import type { Definition, Dependency, NotApplied, Service } from '#contract'
import type { Value } from '../document/value'
import { insideSource } from '../paths'
import type { DefinitionContext, RepositoryReader } from '../reader'
import { closest } from '../suggest'
import { type Need, runningServices } from './dependencies'
import { containerOfAll } from './joined-container'
import { keepsAlive } from './keep-alive'
import { fieldLayers, itemsOf, type Layer, lastLayer } from './layer'
import { isHostName, labelsOf } from './names'
import { noteNetworks } from './network'
import { type NamedPath, type Project, ProjectReader } from './project'
import { type ReadService, readService } from './service'
import { placeForService, placeSource } from './source'

/** Services that run beside each other in one workspace, its own included. */
const maximumRunning = 50
/** What Compose looks for where no file is named. */
const defaultFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']

/** What Compose files say of a workspace: parts of its definition, on which those of devcontainer.json go. */
export interface ComposeWorkspace
  extends Pick<
    Definition,
    | 'image'
    | 'build'
    | 'containerUser'
    | 'containerEnv'
    | 'mounts'
    | 'sourceMounts'
    | 'sourceFolder'
    | 'init'
    | 'container'
    | 'entrypoint'
    | 'command'
    | 'services'
    | 'aliases'
    | 'dependsOn'
    | 'forwardPorts'
  > {
  /** Whether its command does nothing but keep the container running, which Berth does itself. */
  readonly keepsAlive: boolean
  /** Graphics processors are wanted. */
  readonly gpu: boolean
  /** Every name that leads to the workspace or a service. */
  readonly names: ReadonlySet<string>
}

/** What devcontainer.json says of Compose (containers.dev, "Docker Compose specific properties"). */
export interface ComposeRequest {
  /** Path of the devcontainer.json, to which paths in it are relative. */
  readonly path: string
  readonly dockerComposeFile: Value
  readonly service: Value | undefined
  readonly runServices: Value | undefined
  /** Absent: the definition does not say. */
  readonly workspaceFolder: string | undefined
}

/**
 * Reads the Compose files that a devcontainer.json names (Compose specification). What is not applied goes to
 * `notApplied`. Rejects with `definition-invalid` (with file, line and column) or `definition-unsupported`.
 */
export async function readCompose(
  request: ComposeRequest,
  reader: RepositoryReader,
  context: DefinitionContext,
  notApplied: NotApplied[],
): Promise<ComposeWorkspace> {
  const found: NotApplied[] = []
  const files = new ProjectReader(reader, context, found)
  const project = await files.read(await composeFiles(request, reader))
  const own = ownService(request, project)
  const running = runningServices(project, wantedServices(request, own, project))
  if (running.size > maximumRunning) {
    throw request.dockerComposeFile.mustBe(`about at most ${maximumRunning} services that run together`)
  }
  const read = new Map<string, ReadService>()
  for (const name of running.keys()) {
    const layers = project.services.get(name) ?? []
    const origin = layers.at(-1)
    if (!origin) {
      throw (request.service ?? request.dockerComposeFile).mustBe(
        `about services with an image (${name} has nothing)`,
        'Name its image, for example "image: debian:bookworm".',
      )
    }
    read.set(name, await readService(layers, origin, name === own, files, project, context))
  }
  const workspace = assemble(request, context, own, read, running)
  noteNetworks(project)
  const seen = new Set<string>()
  for (const entry of found) {
    const key = `${entry.field}\n${entry.reason}`
    if (!seen.has(key)) notApplied.push(entry)
    seen.add(key)
  }
  return workspace
}

async function composeFiles(
  { path, dockerComposeFile }: ComposeRequest,
  reader: RepositoryReader,
): Promise<NamedPath[]> {
  const folder = posix.dirname(path)
  const items = dockerComposeFile.type === 'array' ? dockerComposeFile.items() : [dockerComposeFile]
  if (items.length === 0) {
    const there = (await Promise.all(defaultFiles.map((name) => reader.exists(name)))).indexOf(true)
    const [name] = there < 0 ? [] : defaultFiles.slice(there)
    if (name === undefined) {
      throw dockerComposeFile.mustBe('the path of a Compose file', 'Name it, relative to this file.')
    }
    const override = name.replace(/(?=\.ya?ml$)/, '.override')
    const names = (await reader.exists(override)) ? [name, override] : [name]
    return names.map((each) => ({ path: each, named: dockerComposeFile }))
  }
  return items.map((named) => {
    const text = named.text('Write, for example, "docker-compose.yml".')
    const inside = insideSource(folder, named.raw(), text)
    if (inside === undefined) {
      throw named.mustBe('a path inside the repository', 'Paths are relative to the folder of this file.')
    }
    return { path: inside, named }
  })
}

function knownService(named: Value, project: Project): string {
  const name = named.text('Write the name of a service.')
  if (project.services.has(name)) return name
  const known = [...project.services.keys()]
  const meant = closest(name, known)
  throw named.mustBe(
    'a service of the Compose files',
    meant
      ? `Did you mean "${meant}"?`
      : `They have: ${known.slice(0, 20).join(', ').slice(0, 500) || 'no services'}.`,
  )
}

function ownService({ service, dockerComposeFile }: ComposeRequest, project: Project): string {
  if (service) return knownService(service, project)
  throw dockerComposeFile.mustBe(
    'together with "service"',
    `Name the service to work in: ${[...project.services.keys()].slice(0, 20).join(', ').slice(0, 500)}.`,
  )
}

/**
 * What `docker compose up` is asked for: the services of runServices and the workspace's own, or all that have no
 * profile, or one that `COMPOSE_PROFILES` names.
 */
function wantedServices({ runServices }: ComposeRequest, own: string, project: Project): string[] {
  const named = runServices?.items('Write, for example, "runServices": ["db"].') ?? []
  if (named.length > 0) return [own, ...named.map((value) => knownService(value, project))]
  const active = (project.lookup('COMPOSE_PROFILES')?.value ?? '').split(',').map((name) => name.trim())
  const wanted = [...project.services].filter(([, layers]) => {
    const profiles = itemsOf(fieldLayers(layers, 'profiles')).map(({ value }) => value.text())
    return profiles.length === 0 || active.includes('*') || profiles.some((name) => active.includes(name))
  })
  return [own, ...wanted.map(([name]) => name)]
}

function assemble(
  { workspaceFolder }: ComposeRequest,
  context: DefinitionContext,
  own: string,
  read: ReadonlyMap<string, ReadService>,
  running: ReadonlyMap<string, readonly Need[]>,
): ComposeWorkspace {
  const others = [...read].filter(([name]) => name !== own)
  const labels = labelsOf(others.map(([name]) => name))
  const linked = [...read.values()].flatMap(({ links }) => links)
  const aliasesOf = (name: string, service: ReadService) => {
    const links = linked.filter(([target]) => target === name).map(([, alias]) => alias)
    const all = [name, ...service.aliases, ...links].filter(isHostName)
    return [...new Set(all)].filter((alias) => alias !== labels.get(name))
  }
  noteConflicts(own, read)
  const services = others.map(([name, service]): Service => {
    const { made, env, user, workingFolder, entrypoint, command, health, restart } = service
    if (service.terminal) terminalOf(service)?.value.ignore('services run without a terminal')
    return {
      name: labels.get(name) ?? name,
      ...made,
      ...(entrypoint ? { entrypoint } : {}),
      ...(command ? { command } : {}),
      env,
      ...(user !== undefined ? { user } : {}),
      ...(workingFolder !== undefined ? { workingFolder } : {}),
      mounts: [...service.mounts],
      ...placeForService(service.binds, service.attached, context),
      ports: [...service.ports.listening],
      aliases: aliasesOf(name, service),
      ...(health ? { health } : {}),
      dependsOn: dependenciesOf(running.get(name) ?? [], own, labels),
      restart,
      ...(service.beside?.options ? { container: service.beside.options } : {}),
    }
  })
  const service = read.get(own) as ReadService
  const { made, env, user, entrypoint, command, terminal } = service
  noteOfWorkspace(service)
  const place = placeSource(service.binds, service.attached, context, workspaceFolder)
  const aliases = aliasesOf(own, service)
  const words = [...(entrypoint ?? []), ...(command ?? [])]
  // Nothing but an open terminal keeps a shell or an interpreter running, and Berth opens none for it.
  const waits = terminal && words.length === 0
  if (waits)
    terminalOf(service)?.value.ignore(
      "Berth keeps the container running itself, and not by the image's own command",
    )
  return {
    ...made,
    ...(user !== undefined ? { containerUser: user } : {}),
    containerEnv: env,
    mounts: [...service.mounts],
    ...place,
    init: service.init,
    ...containerOfAll(service, others, labels),
    // Also where they do not run, in case that the image's metadata says that they should.
    ...(entrypoint ? { entrypoint } : {}),
    ...(command ? { command } : {}),
    services,
    ...(aliases.length > 0 ? { aliases } : {}),
    ...(fieldLayers(service.layers, 'depends_on').length > 0
      ? { dependsOn: dependenciesOf(running.get(own) ?? [], own, labels) }
      : {}),
    forwardPorts: [
      ...new Set([service, ...others.map(([, other]) => other)].flatMap(({ ports }) => ports.published)),
    ],
    gpu: service.gpu,
    keepsAlive: waits || keepsAlive(words, terminal),
    names: new Set([own, ...aliases, ...services.flatMap(({ name, aliases }) => [name, ...aliases])]),
  }
}

function terminalOf({ layers }: ReadService): Layer | undefined {
  return lastLayer(layers, 'tty') ?? lastLayer(layers, 'stdin_open')
}

/** The workspace is there before its services are. */
function dependenciesOf(
  needs: readonly Need[],
  own: string,
  labels: ReadonlyMap<string, string>,
): Dependency[] {
  const dependencies: Dependency[] = []
  for (const { service, condition, layer } of needs) {
    const label = labels.get(service)
    if (service === own) {
      if (condition === 'healthy' || condition === 'completed')
        layer.value.ignore('services start when the workspace has started, whatever it does then')
    } else if (label !== undefined && condition !== undefined)
      dependencies.push({ service: label, condition })
  }
  return dependencies
}

/** What means something for other services only. */
function noteOfWorkspace({ layers, binds }: ReadService): void {
  lastLayer(layers, 'healthcheck')?.value.ignore('the workspace is ready when its own commands have ended')
  const restart = lastLayer(layers, 'restart')
  if (restart && restart.value.type === 'string' && restart.value.raw() !== 'no')
    restart.value.ignore('the workspace runs until you stop it')
  lastLayer(layers, 'working_dir')?.value.ignore('terminals and commands start in the workspaceFolder')
  for (const { path, readOnly, layer } of binds) {
    if (path === '.' && readOnly) layer.value.ignore('it is applied, but the source can be written')
  }
}

/** All that listen share one network, so each port is there once. */
function noteConflicts(own: string, read: ReadonlyMap<string, ReadService>): void {
  const taken = new Map<number, string>()
  for (const [name, { ports, layers }] of [...read].sort(([left], [right]) =>
    left === own ? -1 : right === own ? 1 : 0,
  )) {
    for (const port of ports.listening) {
      const other = taken.get(port)
      if (other === undefined) taken.set(port, name)
      else {
        const place = lastLayer(layers, 'ports') ?? lastLayer(layers, 'expose')
        place?.value.ignore(
          `${other} listens on ${port} too, and all services share one network: have one of them listen elsewhere`,
        )
      }
    }
  }
}
