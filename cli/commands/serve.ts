import { type Port, ProblemError, type Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { Selection } from '../../main/engine/platform/collection'
import { attendWorkspaces, awayText } from '../attend-workspaces'
import { commandName } from '../command-name'
import type { ServeLine } from '../documents'
import { exampleWorkspace } from '../example'
import type { CommandContext } from '../execute'
import { exitCodes } from '../exit-codes'
import { sayOtherLocalPort, sayOtherRouterPort } from '../other-port'
import { findWorkspace, settled } from '../select'
import { printable } from '../text'
import { untilInterrupted } from '../until-interrupted'
import { briefWorkspace, workspaceLabel } from '../workspace-document'

export interface ServeOptions {
  readonly example?: boolean
}

/** `berth serve`: forwards and router for the named workspaces, or all, until Ctrl-C. */
export async function serve(
  context: CommandContext,
  names: readonly string[],
  options: ServeOptions,
): Promise<number> {
  const followed = new Selection()
  const engine = await context.engine({ followed, autoForward: true, sharesGateway: true })
  const chosen: Workspace[] = []
  for (const name of names) chosen.push(await findWorkspace(engine, name, context.signal))
  if (options.example) chosen.push(await exampleWorkspace(context, engine))
  const announcer = new Announcer(context, engine)
  const stopPorts = engine.collections.ports.onChange(({ upserts, removes }) => {
    for (const port of upserts) announcer.see(port)
    for (const id of removes) announcer.gone(id)
  })
  const stopFollowing = chosen.length > 0 ? () => undefined : followAll(engine, followed)
  for (const workspace of chosen) {
    followed.add(workspace.id)
    const away = awayText(workspace)
    if (away !== undefined) context.say(away)
  }
  for (const port of engine.collections.ports.list()) announcer.see(port)
  if (chosen.length === 0) {
    await settled(engine, context.signal)
    if (!engine.collections.workspaces.list().some(({ state }) => state === 'running'))
      context.say('No workspace is running. Ports come when one does.')
  }
  for (const workspace of chosen)
    context.say(`Terminal: ${commandName()} terminal ${workspaceLabel(engine, workspace)}`)
  context.say('Serving until Ctrl-C.')
  const over = chosen.length > 0 ? await attendWorkspaces(context, engine, chosen) : undefined
  if (chosen.length === 0) await untilInterrupted(context.signal)
  await stopFollowing()
  await stopPorts()
  if (!over) return exitCodes.ok
  announcer.end()
  throw new ProblemError(over)
}

/** Every workspace there is or will be. */
function followAll(engine: Engine, followed: Selection): () => void | Promise<void> {
  const stop = engine.collections.workspaces.onChange(({ upserts }) => {
    for (const { id } of upserts) followed.add(id)
  })
  for (const { id } of engine.collections.workspaces.list()) followed.add(id)
  return stop
}

/** Prints an address when it comes to life and when it goes. */
class Announcer {
  readonly #context: CommandContext
  readonly #engine: Engine
  readonly #up = new Map<string, Omit<ServeLine, 'event'>>()
  readonly #said = new Set<string>()
  #routerSaid = false

  constructor(context: CommandContext, engine: Engine) {
    this.#context = context
    this.#engine = engine
  }

  see(port: Port): void {
    const workspace = this.#engine.collections.workspaces.get(port.workspaceId)
    if (port.state === 'reconnecting') return
    if (!workspace || port.state !== 'live' || !port.forward) {
      this.gone(port.id)
      return
    }
    const line = {
      workspace: briefWorkspace(workspace),
      port: port.port,
      label: port.label ?? port.listeners[0]?.process?.name ?? null,
      local: `${port.forward.localAddress}:${port.forward.localPort}`,
      url: port.forward.url ?? null,
    }
    const before = this.#up.get(port.id)
    if (before && before.local === line.local && before.url === line.url) return
    if (before) this.gone(port.id)
    this.#up.set(port.id, line)
    this.#print({ event: 'up', ...line })
    if (!this.#said.has(line.local)) sayOtherLocalPort(this.#context, port.port, port.forward.localPort)
    this.#said.add(line.local)
    if (this.#routerSaid || !port.forward.url) return
    this.#routerSaid = true
    sayOtherRouterPort(this.#context, this.#engine)
  }

  gone(id: string): void {
    const line = this.#up.get(id)
    if (!line) return
    this.#up.delete(id)
    this.#print({ event: 'down', ...line })
  }

  /** Nothing of what was announced is left. */
  end(): void {
    for (const id of [...this.#up.keys()]) this.gone(id)
  }

  #print(line: ServeLine): void {
    if (this.#context.json) {
      this.#context.print(JSON.stringify(line))
      return
    }
    const label = line.label ? ` (${printable(line.label).replaceAll('\n', ' ')})` : ''
    const address = line.url ? `${line.url}  ${line.local}` : line.local
    this.#context.print(`${line.event.padEnd(4)}  ${address}  ${line.workspace.name}:${line.port}${label}`)
  }
}
