import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'

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
  // One that starts nothing by itself: where it is asked too early, that is another daemon, which is locked.
  const config = join(home, 'bus.conf')
  writeFileSync(
    config,
    `<busconfig><type>session</type><listen>${address}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
  )
  const bus = spawn('dbus-daemon', [`--config-file=${config}`, '--print-address', '--nofork'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(bus.stdout, 'data')
  const daemon = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  daemon.stdin.end('a password')
  // What it prints comes before it can be asked; of what it does not have, secret-tool says nothing.
  await vi.waitFor(() =>
    expect(spawnSync('secret-tool', ['lookup', 'x', 'y'], { env }).stderr.toString()).toBe(''),
  )
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
