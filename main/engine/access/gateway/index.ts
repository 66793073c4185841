import type { Socket } from 'node:net'
import { ProblemError, problem, type Workspace } from '#contract'
import type { Links } from '../../link/link'
import type { Carrier } from '../../link/ssh/transport'
import type { Disposer } from '../../platform/disposable'
import type { Platform } from '../../platform/platform'
import { findHost, type HostSource } from '../hosts'
import { readKeyFiles } from '../keys/key-files'
import type { Entrance } from './authentication'
import { carrierOf } from './carrier'
import { openDoor } from './door'
import { Relay } from './relay'
import { remoteEnvironment } from './session-environment'

/** The name to log in with: who one is inside is the workspace's to say. */
export const USER = 'berth'

export interface GatewayDependencies extends HostSource {
  readonly platform: Platform
  readonly links: Links
}

/** Reaches workspaces by SSH, for whoever has this installation's key. */
export interface Gateway {
  /**
   * Finds the workspace of a host, and its agent. Resolves with what serves an SSH client there: it resolves when that
   * is over. Rejects with a `ProblemError` or the signal's reason; a signal that aborts later ends what is served.
   */
  reach(host: string, signal: AbortSignal): Promise<(carrier: Carrier) => Promise<void>>
  /** Lets other Berth processes of this user in, which are quicker so than by themselves. */
  listen(): Promise<Disposer>
}

export function createGateway(dependencies: GatewayDependencies): Gateway {
  const { links, platform } = dependencies
  const { clock, folders } = platform

  async function reach(host: string, signal: AbortSignal) {
    const workspace = await findHost(dependencies, host, signal)
    const { clientKey, hostKey } = await readKeyFiles(folders.config)
    const link = links.get(workspace.id)
    const [agent, environment] = await Promise.all([
      link.openSsh(signal).catch((error: unknown) => {
        throw withoutAgent(error, workspace)
      }),
      remoteEnvironment(link, workspace, signal),
    ])
    const giveUp = () => agent.close()
    if (signal.aborted) {
      giveUp()
      throw signal.reason
    }
    signal.addEventListener('abort', giveUp, { once: true })
    const { name, uid } = workspace.user
    const names = [USER, name, String(uid)]
    const entrance: Entrance = {
      clientKey: clientKey.publicBlob,
      admits: (user) => names.includes(user),
      otherName: (user) =>
        `Berth: in ${workspace.name} you are ${name}, and not ${printable(user)}. Leave the name out.`,
    }
    return async (carrier: Carrier) => {
      const relay = new Relay(carrier, agent, { hostKey, entrance, clock, environment })
      await relay.over
      signal.removeEventListener('abort', giveUp)
    }
  }

  return {
    reach,
    listen: () =>
      openDoor(platform, async (host, signal) => {
        const serve = await reach(host, signal)
        return (socket: Socket) => void serve(carrierOf(socket, socket))
      }),
  }
}

/** Other things go on where no agent can run; SSH does not. */
function withoutAgent(error: unknown, { name }: Workspace): unknown {
  if (!(error instanceof ProblemError) || error.problem.code !== 'agent-unavailable') return error
  return problem({
    code: 'agent-unavailable',
    title: `SSH cannot reach ${name}`,
    cause: `It needs Berth's agent in the workspace, which cannot run there. ${error.problem.cause}`,
    remedy: "Berth's own terminals, `berth exec` and `berth cp` work without it.",
  })
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 64)
}
