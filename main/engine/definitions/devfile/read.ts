import { type Definition, emptyDefinition, type NotApplied } from '#contract'
import { Reading } from '../document/document'
import { noteUnread, shorten, Value } from '../document/value'
import type { DefinitionContext, RepositoryReader } from '../reader'
import type { Substitution } from '../variables'
import { appliedBefore, readClusterObjects } from './cluster-objects'
import { readCommands } from './commands'
import { type ContainerComponent, readAttributes, readComponents } from './components'
import {
  environmentOf,
  listOthers,
  planCommand,
  planMounts,
  planRequirements,
  planService,
} from './containers'
import { readEvents } from './events'
import { flattenDevfile } from './flatten'
import { Images } from './images'
import { readMetadata } from './metadata'
import { planOverrides, withGraphics } from './overrides'
import { chooseContainer } from './own-container'
import { planPorts } from './ports'
import { planProjects, readProjects, readStarterProjects } from './projects'
import { readMap } from './shape'
import { placeOfSource, sourceFolders } from './source-place'
import { type OtherContainer, Planning } from './tasks'
import { keptAlive } from './tool-containers'
import { devfileSubstitution, Growth } from './variables'

/**
 * Reads one devfile of version 2, with its parents (devfile.io, schema 2.3.0). Rejects with `definition-invalid` or
 * `definition-unsupported`.
 */
export async function readDevfile(
  path: string,
  reader: RepositoryReader,
  context: DefinitionContext,
): Promise<Definition> {
  const notApplied: NotApplied[] = []
  const { root, places, oldest } = await flattenDevfile(path, reader, context, notApplied)
  const asWritten: Substitution = {
    unknown: new Set(),
    all: (text) => text,
    exceptEnvironment: (text) => text,
  }
  const reading = new Reading()
  const first = new Value(
    '',
    root,
    places.file(root, { notApplied, reading, substitution: asWritten }),
  ).fields()
  const variables = first.get('variables')
  const growth = new Growth(
    variables ?? new Value('', root, places.file(root, { notApplied, substitution: asWritten })),
  )
  const substitution = devfileSubstitution(variables ? readMap(variables) : new Map(), growth)
  const file = places.file(root, { notApplied, reading, substitution })
  const fields = new Value('', root, file).fields()

  const title = readMetadata(fields.get('metadata'))
  const { pod: podOfAll } = readAttributes(fields.get('attributes'))
  // Names of endpoints became names of ports, which are shorter, with 2.2.0.
  const components = readComponents(fields.get('components'), oldest < 2 ? 63 : 15)
  const commands = readCommands(fields.get('commands'), components)
  const events = readEvents(fields.get('events'), commands)

  const own = chooseContainer(components, commands)
  const base = emptyDefinition(context.sourceName)
  const projects = readProjects(fields)
  const { sourceName, sourceUrl } = context
  const evidence = { sourceName, ...(sourceUrl !== undefined && { sourceUrl }), projects, commands }
  const place = own ? placeOfSource(own, evidence) : { below: sourceName }
  const folders = own ? sourceFolders(own, place) : { root: '/workspaces', source: base.workspaceFolder }
  const containers: ContainerComponent[] = [
    ...(own ? [own] : []),
    ...[...components.values()].filter((each) => each.kind === 'container').filter((each) => each !== own),
  ]
  const images = new Images(components, reader, places)
  const made = own && (await images.of(own))
  const preparing = new Set(
    [...appliedBefore(commands, events)].filter(
      (name) => name !== own?.name && components.get(name)?.kind === 'container',
    ),
  )
  const services = []
  const others = new Map<string, OtherContainer>()
  for (const container of containers) {
    if (container !== own) {
      const made = await images.of(container)
      const service = planService(container, made, place, growth, preparing)
      services.push(keptAlive(service, container, commands))
      others.set(container.name, {
        env: new Map(Object.entries(service.env)),
        ...(service.sourceFolder !== undefined && { folder: service.sourceFolder }),
        isOver: preparing.has(container.name),
      })
    }
  }
  images.listUnused()
  listOthers(components)
  const cluster = await readClusterObjects(components, commands, events, { reader, context, places })

  const env = own ? environmentOf(own, folders, true, growth) : new Map<string, string>()
  const planning = new Planning(commands, {
    ...(own && { component: own.name }),
    components,
    objectsOf: (component) => cluster.of.get(component),
    isBuilt: (component) => images.isUsed(component),
    env,
    workspaceFolder: folders.source,
    others,
    growth,
  })
  const tasks = planning.tasks()
  const postStopObjects = planning.afterStop(events)
  const postStart = planning.at('postStart', events)
  const preStop = planning.at('preStop', events)
  const repositories = planProjects(projects, folders.root, folders.source)
  const starterProjects = readStarterProjects(fields.get('starterProjects'))
  if (own && !own.mountSources) {
    own.at
      .named(`${own.at.name}.container.mountSources`)
      .ignore('the source is in the container that terminals run in')
  }
  for (const limit of own?.limitsAt ?? [])
    limit.ignore('how much the workspace itself may take is up to whoever creates it')
  own?.dedicatedAt?.ignore('it is the container that terminals run in, which the others are beside')
  const overridden = planOverrides(
    own,
    containers.filter((each) => each !== own),
    [podOfAll, ...containers.map(({ pod }) => pod)],
    cluster.rights,
  )
  const requirements = withGraphics(planRequirements(containers), own?.overrides.gpu)
  // Read with the parents, before there was one file of all.
  fields.get('schemaVersion')?.skip()
  noteUnread(file)
  for (const name of substitution.unknown) {
    notApplied.push({
      field: shorten(name),
      reason: 'there is no variable of this name; it stays as written',
    })
  }
  return {
    ...base,
    title,
    format: 'devfile',
    path,
    ...(made ?? { image: context.defaultImage, imageIsDefault: true as const }),
    workspaceFolder: folders.source,
    // Without it a folder below that one would be taken for a folder of the source.
    ...(folders.root.startsWith('/workspaces/') && { sourceFolder: folders.source }),
    containerEnv: Object.fromEntries(env),
    mounts: own ? planMounts(own) : [],
    ...(own ? planCommand(own, env, growth) : {}),
    services,
    ...(preparing.size > 0 && {
      dependsOn: services.map(({ name: service }) => ({
        service,
        condition: preparing.has(service) ? ('completed' as const) : ('started' as const),
      })),
    }),
    ...planPorts(containers),
    lifecycle: postStart.command === undefined ? {} : { postStartCommand: postStart.command },
    ...(preStop.command !== undefined && { preStopCommand: preStop.command }),
    ...((postStart.steps || preStop.steps) && {
      eventSteps: {
        ...(postStart.steps && { postStart: postStart.steps }),
        ...(preStop.steps && { preStop: preStop.steps }),
      },
    }),
    ...(postStopObjects.length > 0 && { postStopObjects }),
    tasks,
    repositories,
    ...(starterProjects.length > 0 && { starterProjects }),
    ...(requirements && { hostRequirements: requirements }),
    ...(cluster.objects.length > 0 && { clusterObjects: [...cluster.objects] }),
    ...overridden,
    notApplied: listed(notApplied),
  }
}

/** What is listed is stored with the workspace, and read by a person. */
const maximumListed = 200

function listed(entries: readonly NotApplied[]): NotApplied[] {
  const once = [...new Map(entries.map((entry) => [`${entry.field}\n${entry.reason}`, entry])).values()]
  const shown = once
    .slice(0, maximumListed)
    .map(({ field, reason }) => ({ field: shorten(field, 300), reason: shorten(reason, 500) }))
  const left = once.length - shown.length
  return left > 0 ? [...shown, { field: `${left} more`, reason: 'the list is too long to be of use' }] : shown
}
