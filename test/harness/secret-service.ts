import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** A keyring of the kind that a desktop has, unlocked, on a bus of its own. */
export interface SecretService {
  /** What a program needs in its environment to find it. */
  readonly env: { readonly DBUS_SESSION_BUS_ADDRESS: string }
  dispose(): Promise<void>
}

/** Starts one whose files are in `home`. */
export async function startSecretService(home: string): Promise<SecretService> {
  mkdirSync(join(home, '.cache'), { recursive: true })
  const address = `unix:path=${join(home, 'bus')}`
  const env = { PATH: process.env.PATH, HOME: home, DBUS_SESSION_BUS_ADDRESS: address }
  const bus = spawn('dbus-daemon', ['--session', `--address=${address}`, '--print-address', '--nofork'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(bus.stdout, 'data')
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  daemon.stdin.end('a password')
  await once(daemon.stdout, 'data')
  const end = async (child: ChildProcess) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
  return {
    env: { DBUS_SESSION_BUS_ADDRESS: address },
    async dispose() {
      await end(daemon)
      await end(bus)
    },
  }
}
