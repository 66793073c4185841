import type { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { carrierOf } from '../../main/engine/access/gateway/carrier'
import { enterDoor } from '../../main/engine/access/gateway/door'
import type { CommandContext } from '../execute'

/** Milliseconds for OpenSSH to read the last words. */
const LAST_WORDS = 2_000

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
  const read = finished(console.stdin, { writable: false }).catch(() => undefined)
  await serve(carrierOf(console.stdout, console.stdin))
  await written
  await read
}

/** Both ways, to the end of each, or until OpenSSH ends us. */
async function splice({ console, signal }: CommandContext, socket: Socket): Promise<void> {
  const onAbort = () => socket.destroy()
  signal.addEventListener('abort', onAbort, { once: true })
  socket.on('error', () => undefined)
  console.stdin.on('error', () => socket.destroy())
  const read = finished(console.stdin, { writable: false }).catch(() => undefined)
  const written = finished(console.stdout).catch(() => undefined)
  console.stdin.pipe(socket)
  socket.pipe(console.stdout)
  await finished(socket, { writable: false }).catch(() => console.stdout.end())
  await written
  // It may be about to say something, and would not hear the last words if it could not.
  console.stdin.resume()
  const late = setTimeout(() => console.stdin.destroy(), LAST_WORDS)
  await read
  clearTimeout(late)
  socket.destroy()
  signal.removeEventListener('abort', onAbort)
}
