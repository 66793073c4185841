import type { ExecOptions } from '../drivers/driver'
import type { AgentKeeper } from './agent/keeper'
import {
  askAboutTerminal,
  checkpointTerminal,
  followTerminals,
  openTerminal,
  type TerminalToMake,
} from './agent/terminals'
import type { LinkTerminalOptions, LinkTerminals } from './link'
import { ConnectionLost, RequestRefused } from './ssh/connection'

/** How long a terminal waits for the agent before it does without, in milliseconds. */
const AGENT_PATIENCE = 3_000
/** How often a terminal is asked for when the connection ends meanwhile. */
const ATTEMPTS = 3
/** How long the agent may take for a small thing, in milliseconds. */
const ASK_LIMIT = 5_000

export interface LinkTerminalsDependencies {
  readonly agent: AgentKeeper
  readonly ended: AbortSignal
  readonly prepare: (options: LinkTerminalOptions) => ExecOptions
}

/** A link's terminals over the agent. */
export function createLinkTerminals({ agent, ended, prepare }: LinkTerminalsDependencies): LinkTerminals {
  const toMake = (options: LinkTerminalOptions): TerminalToMake => {
    const { command, cwd, env = {} } = prepare(options)
    const { columns, rows } = options.tty
    return { command, ...(cwd !== undefined && { cwd }), env, columns, rows }
  }
  /** Does something small, or nothing where the agent is not reached just now. */
  const quietly = async (work: (signal: AbortSignal) => Promise<void>) => {
    try {
      await work(AbortSignal.any([ended, AbortSignal.timeout(ASK_LIMIT)]))
    } catch (error) {
      const isExpected =
        error instanceof ConnectionLost || error instanceof RequestRefused || error instanceof DOMException
      if (!isExpected && !ended.aborted) throw error
    }
  }
  return {
    async open(id, { create, ...attaching }, signal) {
      const options = { ...attaching, ...(create && { create: toMake(create) }) }
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const connection = await agent.connected(AGENT_PATIENCE, signal)
        if (!connection) return undefined
        try {
          return await openTerminal(connection, id, options, signal)
        } catch (error) {
          // It may have been made: asked for again, it is the same.
          if (!(error instanceof ConnectionLost)) throw error
        }
      }
      return undefined
    },
    async *follow(signal) {
      const end = AbortSignal.any([signal, ended])
      while (!end.aborted) {
        const connection = await agent.connected(undefined, end).catch(() => undefined)
        if (end.aborted) return
        if (connection) {
          try {
            yield* followTerminals(connection, end)
          } catch (error) {
            if (!(error instanceof ConnectionLost) && !end.aborted) throw error
          }
        }
        if (end.aborted) return
        yield undefined
        if (agent.connection === connection) await agent.changed(end)
      }
    },
    ask: (request) =>
      quietly(async (signal) => {
        const { connection } = agent
        if (connection) await askAboutTerminal(connection, request, signal)
      }),
    checkpoint: (id, checkpoint) =>
      quietly(async (signal) => {
        const { connection } = agent
        if (connection) await checkpointTerminal(connection, id, checkpoint, signal)
      }),
  }
}
