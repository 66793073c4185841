import { problem, type Workspace } from '#contract'
import type { AgentKeeper } from '../agent/keeper'
import { SftpClient } from '../sftp/client'
import { ConnectionLost, type SshConnection, Writer } from '../ssh/connection'
import { digestByAgent } from './digest'
import { fileProblem } from './problems'
import { FileSession } from './session'

/** How long the agent is waited for unless told otherwise, in milliseconds: it may have to be put in place first. */
const PATIENCE = 30_000
const TITLE = 'The files of the workspace cannot be reached'

/** Files of a workspace. */
export interface LinkFiles {
  /**
   * Opens a session of one's own, which ends with `close()`, with `signal`, or with the connection. Waits for the agent,
   * `patience` milliseconds at most; for ever where that is `Infinity`. Rejects with a `ProblemError`:
   * `workspace-not-running`, `agent-unavailable` where none can run, `connection-lost`, `cancelled`.
   */
  open(signal: AbortSignal, patience?: number): Promise<FileSession>
}

/** A link's files: SFTP over the agent. */
export function createLinkFiles(agent: AgentKeeper, workspace: () => Workspace): LinkFiles {
  return {
    async open(signal, patience = PATIENCE) {
      const over = Number.isFinite(patience)
        ? AbortSignal.any([signal, AbortSignal.timeout(patience)])
        : signal
      for (;;) {
        const { name, state, reason } = workspace()
        if (state !== 'running' && Number.isFinite(patience)) throw notRunning(name, `${state}: ${reason}`)
        const limit = Number.isFinite(patience) ? patience : undefined
        const connection = await agent.connected(limit, signal).catch((error) => {
          throw fileProblem(error, TITLE, signal)
        })
        if (!connection) throw notReached(agent)
        try {
          return await openFiles(connection, signal)
        } catch (error) {
          if (!(error instanceof ConnectionLost) || over.aborted) throw fileProblem(error, TITLE, signal)
          // It ended just now; another one is made.
          if (agent.connection === connection) await agent.changed(over)
        }
      }
    },
  }
}

/** Over one connection. Rejects with `ConnectionLost` and what else a channel is refused with. */
export async function openFiles(connection: SshConnection, signal: AbortSignal): Promise<FileSession> {
  const channel = await connection.open('session', Buffer.alloc(0), signal)
  channel.stderr.resume()
  try {
    await channel.request('subsystem', new Writer().string('sftp').done())
    const client = new SftpClient(channel)
    await client.ready()
    return new FileSession(client, (path, length) => digestByAgent(connection, path, length, signal), signal)
  } catch (error) {
    channel.destroy()
    throw error
  }
}

function notReached(agent: AgentKeeper) {
  const reason = agent.problem
  return problem(
    reason
      ? {
          ...reason,
          remedy:
            'Files can still be copied by “berth cp”. To browse them, use an image in which a program can be written and run.',
        }
      : {
          code: 'connection-lost',
          title: TITLE,
          cause: 'There is no connection to the workspace at present.',
          remedy: 'Berth goes on trying. Try again in a moment.',
        },
  )
}

function notRunning(name: string, how: string) {
  return problem({
    code: 'workspace-not-running',
    title: TITLE,
    cause: `${name} is ${how}.`,
    remedy: 'Start the workspace first.',
  })
}
