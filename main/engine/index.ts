import { setMaxListeners } from 'node:events'
import {
  type CollectionRecord,
  type EventName,
  type EventPayload,
  problem,
  type RequestName,
  requests,
  type StreamName,
  type StreamOpen,
  streams,
} from '#contract'
import { createAccess } from './access'
import { createCredentials } from './access/credentials'
import { createDoctor } from './doctor'
import { createDockerProvider } from './drivers/docker'
import type { DriverProvider } from './drivers/driver'
import { createKubernetesProvider } from './drivers/kubernetes'
import type { Engine } from './engine'
import { createFiles } from './files'
import { type AgentBinaries, createLinks } from './link'
import { Collection, filterCollection, type Selection } from './platform/collection'
import type { Handlers } from './platform/handlers'
import type { MessageEndpoint } from './platform/message-port'
import type { Platform } from './platform/platform'
import { withTeamMirrors } from './policy/mirrors'
import { createPorts } from './ports'
import { createTemplates } from './templates'
import { createTerminals } from './terminals'
import { createArrangements } from './terminals/arrangements'
import { createVariables } from './variables'
import { createWorkspaceService, thisOwner } from './workspaces'

export type { Engine } from './engine'
export { createNodePlatform } from './platform/node'
export { serve } from './server'

/** How long the end waits for requests under way to have tidied up after themselves, milliseconds. */
const TIDYING_LIMIT = 2_000

export interface EngineOptions {
  readonly platform: Platform
  /** Absent: every kind of target that Berth knows. */
  readonly providers?: readonly DriverProvider[]
  /** Whose ports and terminals this process follows; it may grow. Absent: every workspace's. */
  readonly followed?: Selection
  /** Whether somebody is here who could be asked for consent, by the collection `consents`. Absent: never. */
  readonly attended?: () => boolean
  /** What is put into workspaces. Absent: what Berth was shipped with. */
  readonly agents?: AgentBinaries
  /** Other Berth processes of this user may take their SSH clients through this one. Absent: no. */
  readonly sharesGateway?: boolean
  /** Whether this process goes on when it has done what was asked for; a task may be begun that nothing else keeps. */
  readonly livesOn?: boolean
}

/** Builds the whole engine, in order: each service gets what it needs from those above it. */
export function createEngine({
  platform: machine,
  providers,
  followed,
  agents,
  attended,
  sharesGateway,
  livesOn,
}: EngineOptions): Engine {
  const platform: Platform = { ...machine, settings: withTeamMirrors(machine.settings) }
  const listeners = new Set<<N extends EventName>(name: N, payload: EventPayload<N>) => void>()
  const emit = <N extends EventName>(name: N, payload: EventPayload<N>) => {
    for (const listener of [...listeners]) listener(name, payload)
  }

  const workspaces = createWorkspaceService({
    platform,
    providers: providers ?? [createDockerProvider(platform), createKubernetesProvider(platform)],
    emit,
    links: () => links,
    beginTask: (task, signal) => terminals.beginTask(task, signal),
    ...(livesOn && { livesOn }),
    variables: () => variables,
  })
  const variables = createVariables({
    platform,
    owner: thisOwner(platform.env),
    workspaces: workspaces.workspaces,
    driverOf: workspaces.driverOf,
    settled: () => workspaces.settled,
  })
  const links = createLinks({
    platform,
    workspaces: workspaces.workspaces,
    driverOf: workspaces.driverOf,
    ...(agents && { agents }),
  })
  const ofInterest = followed ? filterCollection(workspaces.workspaces, followed) : workspaces.workspaces
  const arrangements = createArrangements(platform)
  const terminals = createTerminals({
    platform,
    workspaces: workspaces.workspaces,
    followed: ofInterest,
    links,
    frontOf: (id) => arrangements.records.get(id)?.front,
    ...(livesOn && { livesOn }),
  })
  const files = createFiles({ platform, workspaces: workspaces.workspaces, links })
  const ports = createPorts({
    platform,
    workspaces: ofInterest,
    everyWorkspace: workspaces.workspaces,
    links,
    shows: terminals.shows,
    emit,
  })
  const settled = Promise.all([workspaces.settled, ports.settled]).then(() => undefined)
  const access = createAccess({
    platform,
    workspaces: workspaces.workspaces,
    targets: workspaces.targets,
    settled,
    links,
    forward: async (workspaceId, port, signal) => {
      const { localPort, url } = await ports.handlers['ports.forward']({ workspaceId, port }, signal)
      return url ?? `http://127.0.0.1:${localPort}/`
    },
    isShared: sharesGateway === true,
  })

  const credentials = createCredentials({
    platform,
    workspaces: workspaces.workspaces,
    links,
    ...(attended && { attended }),
  })
  const idle = workspaces.attend(ofInterest, (id) =>
    files.transfers.list().some((one) => one.workspaceId === id && one.state === 'running')
      ? 'Files were copied'
      : undefined,
  )

  const templates = createTemplates(platform)
  const settings = new Collection<CollectionRecord<'settings'>>()
  settings.set({ id: 'settings', value: platform.settings.get() })
  const stopSettings = platform.settings.onChange((value) => settings.set({ id: 'settings', value }))

  const status = new Collection<CollectionRecord<'engine'>>()
  status.set({ id: 'engine', version: platform.version, routerPort: ports.routerPort() })
  const stopRouterPort = ports.onRouterPort(() => status.patch('engine', { routerPort: ports.routerPort() }))

  const handlers: Handlers = {
    ...workspaces.handlers,
    ...terminals.handlers,
    'sessions.arrange': arrangements.arrange,
    ...files.handlers,
    ...ports.handlers,
    ...access.handlers,
    ...credentials.handlers,
    ...idle.handlers,
    ...variables.handlers,
    ...templates.handlers,
    'settings.change': (fields) => platform.settings.change(fields),
    'doctor.run': createDoctor({
      platform,
      targets: workspaces.targets,
      routerPort: ports.routerPort,
    }),
  }
  const ended = new AbortController()
  setMaxListeners(0, ended.signal)
  const underWay = new Set<Promise<void>>()
  const opens: { [N in StreamName]: (input: StreamOpen<N>, port: MessageEndpoint) => void } = {
    terminal: terminals.open,
    logs: workspaces.openLogs,
  }

  return {
    collections: {
      targets: workspaces.targets,
      workspaces: workspaces.workspaces,
      operations: workspaces.operations,
      sessions: terminals.sessions,
      arrangements: arrangements.records,
      ports: ports.ports,
      detections: ports.detections,
      sockets: ports.sockets,
      transfers: files.transfers,
      consents: credentials.consents,
      grants: credentials.grants,
      activities: idle.activities,
      policies: workspaces.policies,
      settings,
      engine: status,
    },
    async call(name, input, signal) {
      const parsed = parseInput(name, input)
      const answer = dispatch(handlers, name)(
        parsed,
        signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
      )
      const over = answer.then(
        () => undefined,
        () => undefined,
      )
      underWay.add(over)
      void over.then(() => underWay.delete(over))
      return (await answer) as never
    },
    open(stream, input, port) {
      if (!Object.hasOwn(streams, stream)) throw unknownName('stream', stream)
      const parsed = streams[stream].open.safeParse(input)
      if (!parsed.success) throw invalidInput(stream, parsed.error)
      opens[stream](parsed.data as never, port)
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    links,
    access,
    settled,
    async dispose() {
      listeners.clear()
      // A request may have a temporary folder, a process or a connection of its own.
      ended.abort()
      await Promise.race([Promise.all(underWay), platform.clock.sleep(TIDYING_LIMIT)])
      await stopRouterPort()
      await stopSettings()
      await templates.dispose()
      await credentials.dispose()
      await idle.dispose()
      await terminals.dispose()
      await files.dispose()
      await ports.dispose()
      await access.dispose()
      await links.dispose()
      await workspaces.dispose()
    },
  }
}

function dispatch(
  handlers: Handlers,
  name: RequestName,
): (input: unknown, signal: AbortSignal) => Promise<unknown> {
  // Input was parsed by this very request's schema, which the type system cannot follow through a lookup.
  return handlers[name] as (input: unknown, signal: AbortSignal) => Promise<unknown>
}

function parseInput(name: RequestName, input: unknown): unknown {
  if (!Object.hasOwn(requests, name)) throw unknownName('request', name)
  const parsed = requests[name].input.safeParse(input)
  if (!parsed.success) throw invalidInput(name, parsed.error)
  return parsed.data
}

function unknownName(what: string, name: string) {
  return problem({
    code: 'invalid-input',
    title: `There is no ${what} of that name`,
    cause: `“${String(name).slice(0, 100)}” is not in the contract.`,
    remedy: 'This is a defect in Berth. Please report it.',
  })
}

function invalidInput(
  name: string,
  error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] },
) {
  return problem({
    code: 'invalid-input',
    title: 'What was asked for is not valid',
    cause: error.issues
      .map((issue) => [issue.path.map(String).join('.'), issue.message].filter(Boolean).join(': '))
      .join('; '),
    remedy: 'Correct what is named, and try again.',
    detail: name,
  })
}
