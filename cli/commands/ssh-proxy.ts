import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { enterDoor } from '../../main/engine/access/gateway/door'
import type { Carrier } from '../../main/engine/link/ssh/transport'
import type { CommandContext } from '../execute'

/**
 * `berth ssh-proxy`: joins OpenSSH, whose ProxyCommand it is, with a workspace, over our standard streams: through a
 * Berth that runs, which is quicker, or by itself.
 */
export async function sshProxy(
  context: CommandContext,
  host: string,
  options: { readonly start?: boolean },
): Promise<undefined> {
  const { console, signal } = context
  const { stateFolder } = await import('../engine')
  if (options.start) await (await import('./ssh')).startHost(context, host)
  const socket = await enterDoor(stateFolder(), host, signal)
  if (socket) {
    await splice(context, socket)
    return
  }
  const engine = await context.engine()
  const serve = await engine.access.gateway.reach(host, signal)
  const written = finished(console.stdout).catch(() => undefined)
  await serve(standardStreams(context))
  await written
}

/** Both ways, to the end of each, or until OpenSSH ends us. */
async function splice({ console, signal }: CommandContext, socket: Socket): Promise<void> {
  const onAbort = () => socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  socket.on('error', () => undefined)
  console.stdin.on('error', () => socket.destroy())
  console.stdin.pipe(socket)
  socket.pipe(console.stdout)
  const written = finished(console.stdout, { cleanup: true }).catch(() => undefined)
  await finished(socket, { writable: false }).catch(() => console.stdout.end())
  await written
  socket.destroy()
  signal.removeEventListener('abort', onAbort)
}

function standardStreams({ console }: CommandContext): Carrier {
  return {
    input: console.stdout,
    output: console.stdin,
    destroy: () => {
      console.stdout.end()
      console.stdin.pause()
    },
  }
}
