import { posix } from 'node:path'
import type { Task } from '#contract'
import { containerPath, longestPath } from '../paths'
import type { Command, Commands, ExecCommand } from './commands'
import type { ClusterComponent, Component } from './components'
import type { Event } from './events'
import { quote, quoteWithVariables, type Step, sequence, sideBySide, subshell } from './shell'
import { expandShellVariables, type Growth, hasShellVariables } from './variables'

/** Where commands run. */
export interface Place {
  /** The workspace's own container; absent where the file has none. */
  readonly component?: string
  readonly components: ReadonlyMap<string, Component>
  /** Whether the objects of a component are made with the workspace. */
  readonly isMade: (component: ClusterComponent) => boolean
  /** Its variables, PROJECT_SOURCE and PROJECTS_ROOT among them. */
  readonly env: ReadonlyMap<string, string>
  readonly workspaceFolder: string
  readonly growth: Growth
}

const identifier = /^[A-Za-z_]\w*$/

/** `commands` and `events` as what a workspace runs. What it does not run is listed as not applied. */
export class Planning {
  readonly #commands: Commands
  readonly #place: Place
  readonly #lines = new Map<string, string | { readonly reason: string }>()

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

  /** Names the events at which nothing runs. What `preStart` applies is planned where containers and objects are. */
  listOthers(events: readonly Event[]): void {
    for (const { name, command, at } of events)
      if (name === 'postStop')
        at.named(`events.${name}.${command.id}`).ignore('nothing is applied after a workspace has stopped')
  }

  /**
   * What runs after each start, or before each stop: one after the other, as in odo and Che, each when the one before
   * has succeeded.
   */
  at(event: 'postStart' | 'preStop', events: readonly Event[]): string | undefined {
    const lines: string[] = []
    for (const { name, command, at } of events) {
      if (name !== event) continue
      const line = this.#line(command)
      if (typeof line !== 'string') at.named(`events.${name}.${command.id}`).ignore(line.reason)
      else lines.push(line)
    }
    const [only] = events.filter(({ name }) => name === event)
    if (lines.length === 0) return undefined
    // One that needs no shell of its own stays as it is written.
    if (lines.length === 1 && only && lines[0] === `(\n${plainLine(only.command)}\n)`)
      return plainLine(only.command)
    const all = sequence(lines)
    this.#place.growth.add(all.length)
    return all
  }

  /** A terminal has a folder and variables of its own, so a single command needs no shell around it. */
  #body(command: Command): Pick<Task, 'command' | 'workingFolder' | 'env'> | { reason: string } {
    if (command.kind !== 'exec') {
      const line = this.#line(command)
      return typeof line === 'string' ? { command: line, env: {} } : line
    }
    const reason = this.#elsewhere(command)
    if (reason !== undefined) return { reason }
    const folder = this.#folder(command)
    const env = this.#expanded(command)
    if (folder?.includes('$') || env.some(([, value]) => hasShellVariables(value))) {
      return { command: this.#subshell(command), env: {} }
    }
    return {
      command: command.line,
      ...(folder !== undefined && { workingFolder: folder }),
      env: Object.fromEntries(env),
    }
  }

  /** One text for a shell, which leaves nothing behind in that; the reason where there can be none. */
  #line(command: Command): string | { readonly reason: string } {
    const known = this.#lines.get(command.id)
    if (known !== undefined) return known
    const line = this.#make(command)
    this.#lines.set(command.id, line)
    return line
  }

  #make(command: Command): string | { readonly reason: string } {
    switch (command.kind) {
      case 'exec': {
        const reason = this.#elsewhere(command)
        return reason === undefined ? this.#subshell(command) : { reason }
      }
      case 'apply':
        return { reason: this.#applied(command.component) }
      case 'composite': {
        if (command.commands.length === 0) return { reason: 'it names no commands' }
        const lines: string[] = []
        for (const id of command.commands) {
          const part = this.#commands.get(id)
          const line = part ? this.#line(part) : { reason: 'there is none of this name' }
          if (typeof line !== 'string') return { reason: `its command "${id}" cannot be run: ${line.reason}` }
          this.#place.growth.add(line.length)
          lines.push(line)
        }
        const [only] = lines
        if (lines.length === 1 && only !== undefined) return only
        return command.parallel ? sideBySide(lines) : sequence(lines)
      }
      default:
        return { reason: `commands of the kind "${command.kind}" are for an editor, and Berth is none` }
    }
  }

  #elsewhere({ component }: ExecCommand): string | undefined {
    const own = this.#place.component
    if (component === own) return undefined
    return `it runs in the container "${component}", and commands are run in the workspace's own, "${own}"`
  }

  #applied(name: string): string {
    const component = this.#place.components.get(name)
    switch (component?.kind) {
      case 'kubernetes':
      case 'openshift':
        return this.#place.isMade(component)
          ? `the objects of "${name}" are put into the cluster when the workspace is made`
          : `it puts the objects of "${name}" into a cluster, which Berth does only when it makes a workspace`
      case 'image':
        return `it builds the image of "${name}", and images are built when the workspace is made`
      case 'container':
        return `it starts the container "${name}", which is started with the workspace`
      case 'plugin':
      case 'custom':
        return `it starts "${name}", which is not part of the workspace`
      default:
        return `there is no component "${name}"`
    }
  }

  /** `workingDir`, with the variables filled in that are known. Absent where it is the workspace folder. */
  #folder(command: ExecCommand): string | undefined {
    const { workingDir } = command
    if (workingDir === undefined) return undefined
    const { env, growth, workspaceFolder } = this.#place
    const text = expandShellVariables(workingDir, env, growth)
    if (text.length > longestPath) {
      throw command.at.wrong(`The "workingDir" of "${command.id}" is longer than any path can be.`)
    }
    if (hasShellVariables(text)) return text
    const folder = containerPath(posix.join(text.startsWith('/') ? '/' : workspaceFolder, text))
    return folder === workspaceFolder ? undefined : folder
  }

  #expanded({ env }: ExecCommand): [string, string][] {
    const { growth } = this.#place
    const known = new Map(this.#place.env)
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
