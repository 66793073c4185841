import { posix } from 'node:path'
import type { EventStep, Task } from '#contract'
import { containerPath, longestPath } from '../paths'
import type { Command, Commands, CompositeCommand, ExecCommand } from './commands'
import type { Component } from './components'
import { eventSteps } from './event-steps'
import type { Event } from './events'
import { quote, quoteWithVariables, type Step, sequence, sideBySide, subshell } from './shell'
import { expandShellVariables, type Growth, hasShellVariables } from './variables'

/** Where commands run. */
export interface Place {
  /** The workspace's own container; absent where the file has none. */
  readonly component?: string
  readonly components: ReadonlyMap<string, Component>
  /** The objects of a component, by their digests; undefined where they cannot be made. */
  readonly objectsOf: (component: string) => readonly string[] | undefined
  /** Whether the image of a component is built for a container of the workspace. */
  readonly isBuilt: (component: string) => boolean
  /** Its variables, PROJECT_SOURCE and PROJECTS_ROOT among them. */
  readonly env: ReadonlyMap<string, string>
  readonly workspaceFolder: string
  /** The containers beside it, by their components. */
  readonly others: ReadonlyMap<string, OtherContainer>
  readonly growth: Growth
}

/** A container beside the workspace's own, as commands find it. */
export interface OtherContainer {
  readonly env: ReadonlyMap<string, string>
  /** Where the source is in it; absent: nowhere. */
  readonly folder?: string
  /** It does its work and ends before others start. */
  readonly isOver: boolean
}

/** What runs at an event: one shell text in the workspace's own container, or steps in several. */
export interface EventPlan {
  readonly command?: string
  readonly steps?: EventStep[]
}

/** What a command comes to: objects that are put into the cluster, and then a text for a shell. */
interface Part {
  readonly objects: readonly string[]
  readonly line?: string
}

interface NotRun {
  readonly reason: string
}

const identifier = /^[A-Za-z_]\w*$/

/** `commands` and `events` as what a workspace runs. What it does not run is listed as not applied. */
export class Planning {
  readonly #commands: Commands
  readonly #place: Place
  readonly #parts = new Map<string, Part | NotRun>()
  readonly #containers = new Map<string, ReadonlySet<string>>()

  constructor(commands: Commands, place: Place) {
    this.#commands = commands
    this.#place = place
  }

  tasks(): Task[] {
    return [...this.#commands.values()].flatMap((command) => {
      const body = this.#body(command)
      if ('reason' in body) {
        command.at.ignore(body.reason)
        return []
      }
      return [
        {
          name: command.id,
          ...(command.label !== undefined && { label: command.label }),
          automatic: false,
          ...body,
          ...(command.group !== undefined && { group: command.group }),
          ...(command.isDefault && { isDefault: true }),
        },
      ]
    })
  }

  /** The objects that are put into the cluster after each stop, by their digests, and what else has no place there. */
  afterStop(events: readonly Event[]): string[] {
    const objects = new Set<string>()
    for (const { name, command, at } of events) {
      if (name !== 'postStop') continue
      const part = this.#part(command)
      if ('reason' in part)
        at.named(`events.${name}.${command.id}`).ignore(
          `after a stop objects are put into a cluster, and nothing else is applied: ${part.reason}`,
        )
      else for (const digest of part.objects) objects.add(digest)
    }
    return [...objects]
  }

  /**
   * What runs after each start, or before each stop: one after the other, as in odo and Che, each when the one before
   * has succeeded.
   */
  at(event: 'postStart' | 'preStop', events: readonly Event[]): EventPlan {
    const found = events.filter(({ name }) => name === event)
    const ignore = ({ name, command, at }: Event, reason: string) =>
      at.named(`events.${name}.${command.id}`).ignore(reason)
    const able = found.filter((one) => {
      const line = this.#line(one.command)
      if (typeof line !== 'string') ignore(one, line.reason)
      return typeof line === 'string'
    })
    const listed = able.map(({ command }) => command)
    if (listed.some((command) => !this.#isOwn(command))) {
      const { growth } = this.#place
      const steps = eventSteps(listed, this.#commands, (command) => this.#step(command), growth)
      if (steps) return { steps }
      for (const one of able) ignore(one, 'all that runs at this event comes to too many commands')
      return {}
    }
    const [first] = listed
    if (!first) return {}
    const lines = listed.map((command) => String(this.#line(command)))
    // One that needs no shell of its own stays as it is written.
    if (lines.length === 1 && lines[0] === `(\n${plainLine(first)}\n)`) return { command: plainLine(first) }
    const all = sequence(lines)
    this.#place.growth.add(all.length)
    return { command: all }
  }

  /** A terminal has a folder and variables of its own, so a single command needs no shell around it. */
  #body(command: Command): Pick<Task, 'objects' | 'command' | 'service' | 'workingFolder' | 'env'> | NotRun {
    const containers = [...this.#containersOf(command)]
    const [container] = containers
    const place = container === this.#place.component ? {} : { service: container }
    if (command.kind !== 'exec') {
      const part = this.#part(command)
      if ('reason' in part) return part
      const { objects, line } = part
      if (containers.length > 1)
        return {
          reason: `a terminal is in one container, and its commands run in several: ${containers.join(', ')}`,
        }
      return {
        ...(objects.length > 0 && { objects: [...objects] }),
        ...(line !== undefined && { command: line, ...place }),
        env: {},
      }
    }
    const reason = this.#elsewhere(command)
    if (reason !== undefined) return { reason }
    const folder = this.#folder(command)
    const env = this.#expanded(command)
    const isPlain = folder === undefined || (folder.startsWith('/') && !hasShellVariables(folder))
    if (!isPlain || env.some(([, value]) => hasShellVariables(value))) {
      return { command: this.#subshell(command), ...place, env: {} }
    }
    return {
      command: command.line,
      ...place,
      ...(folder !== undefined && { workingFolder: folder }),
      env: Object.fromEntries(env),
    }
  }

  /** Of what runs in a shell alone. */
  #line(command: Command): string | NotRun {
    const part = this.#part(command)
    return 'reason' in part ? part : (part.line ?? { reason: 'it runs nothing in a container' })
  }

  /** Its text leaves nothing behind in the shell that runs it. */
  #part(command: Command): Part | NotRun {
    const known = this.#parts.get(command.id)
    if (known !== undefined) return known
    const part = this.#make(command)
    this.#parts.set(command.id, part)
    return part
  }

  #make(command: Command): Part | NotRun {
    switch (command.kind) {
      case 'exec': {
        const reason = this.#elsewhere(command)
        return reason === undefined ? { objects: [], line: this.#subshell(command) } : { reason }
      }
      case 'apply':
        return this.#applied(command.component)
      case 'composite':
        return this.#composite(command)
      default:
        return { reason: `commands of the kind "${command.kind}" are for an editor, and Berth is none` }
    }
  }

  #composite({ commands, parallel }: CompositeCommand): Part | NotRun {
    if (commands.length === 0) return { reason: 'it names no commands' }
    const objects = new Set<string>()
    const lines: string[] = []
    for (const id of commands) {
      const command = this.#commands.get(id)
      const part = command ? this.#part(command) : { reason: 'there is none of this name' }
      if ('reason' in part) return { reason: `its command "${id}" cannot be run: ${part.reason}` }
      // A terminal does not tell Berth when its lines are done.
      if (part.objects.length > 0 && lines.length > 0 && !parallel)
        return { reason: `its command "${id}" puts objects into a cluster, which is done before all others` }
      for (const digest of part.objects) objects.add(digest)
      if (part.line === undefined) continue
      this.#place.growth.add(part.line.length)
      lines.push(part.line)
    }
    const [only] = lines
    if (only === undefined) return { objects: [...objects] }
    const line = lines.length === 1 ? only : parallel ? sideBySide(lines) : sequence(lines)
    return { objects: [...objects], line }
  }

  #elsewhere({ component }: ExecCommand): string | undefined {
    if (!this.#place.others.get(component)?.isOver) return undefined
    return `it runs in the container "${component}", which does its work and ends before the others start`
  }

  /** The components in which all of a command runs. */
  #containersOf(command: Command): ReadonlySet<string> {
    const known = this.#containers.get(command.id)
    if (known) return known
    const parts = command.kind === 'composite' ? command.commands : []
    const found = new Set(
      command.kind === 'exec'
        ? [command.component]
        : parts.flatMap((id) => {
            const part = this.#commands.get(id)
            return part ? [...this.#containersOf(part)] : []
          }),
    )
    this.#containers.set(command.id, found)
    return found
  }

  #isOwn(command: Command): boolean {
    return [...this.#containersOf(command)].every((name) => name === this.#place.component)
  }

  #step(command: ExecCommand): Pick<EventStep, 'service' | 'line'> {
    const { component } = command
    const place = component === this.#place.component ? {} : { service: component }
    return { ...place, line: this.#subshell(command) }
  }

  #applied(name: string): Part | NotRun {
    const component = this.#place.components.get(name)
    switch (component?.kind) {
      case 'kubernetes':
      case 'openshift': {
        const objects = this.#place.objectsOf(name)
        return objects ? { objects } : { reason: `the objects of "${name}" cannot be put into a cluster` }
      }
      case 'image':
        return {
          reason: this.#place.isBuilt(name)
            ? `it builds the image of "${name}", and images are built when the workspace is made`
            : `it builds the image of "${name}", which no container of the workspace runs, and no others are built`,
        }
      case 'container':
        return { reason: `it starts the container "${name}", which is started with the workspace` }
      case 'plugin':
      case 'custom':
        return { reason: `it starts "${name}", which is not part of the workspace` }
      default:
        return { reason: `there is no component "${name}"` }
    }
  }

  /**
   * `workingDir`, with the variables filled in that are known. Absent where commands are there anyway: in the workspace
   * folder, or in the own folder of another container that does not see the source.
   */
  #folder(command: ExecCommand): string | undefined {
    const { workingDir } = command
    const other = this.#place.others.get(command.component)
    if (workingDir === undefined) return other?.folder
    const { growth, workspaceFolder } = this.#place
    const env = other?.env ?? this.#place.env
    const text = expandShellVariables(workingDir, env, growth)
    if (text.length > longestPath) {
      throw command.at.wrong(`The "workingDir" of "${command.id}" is longer than any path can be.`)
    }
    if (hasShellVariables(text)) return text
    if (text.startsWith('/')) {
      const folder = containerPath(text)
      return other || folder !== workspaceFolder ? folder : undefined
    }
    if (other) return other.folder === undefined ? text : containerPath(posix.join(other.folder, text))
    const folder = containerPath(posix.join(workspaceFolder, text))
    return folder === workspaceFolder ? undefined : folder
  }

  #expanded({ component, env }: ExecCommand): [string, string][] {
    const { growth, others } = this.#place
    const known = new Map(others.get(component)?.env ?? this.#place.env)
    return env.map(({ name, value }) => {
      const text = expandShellVariables(value, known, growth)
      known.set(name, text)
      return [name, text]
    })
  }

  #subshell(command: ExecCommand): string {
    const folder = this.#folder(command)
    const env: string[] = []
    for (const { name, value, at } of command.env) {
      if (identifier.test(name)) env.push(`${name}=${quoteWithVariables(value)}`)
      else
        at.named(`commands.${command.id}.exec.env.${name}`).ignore(
          'a shell cannot have a variable of this name',
        )
    }
    const step: Step = {
      line: command.line,
      ...(folder !== undefined && {
        folder: hasShellVariables(folder) ? quoteWithVariables(folder) : quote(folder),
      }),
      env,
    }
    return subshell(step)
  }
}

function plainLine(command: Command): string {
  return command.kind === 'exec' ? command.line.trimEnd() : ''
}
