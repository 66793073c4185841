import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import { systemClock } from '../../platform/clock'
import { Collection } from '../../platform/collection'
import { silentLogger } from '../../platform/logger'
import type { SshConnection } from '../ssh/connection'
import { AgentKeeper } from './keeper'
import { LocalDriver } from './local-driver.suite'
import { shippedAgents } from './shipped'

/** The agent itself, as it is shipped, on this machine: which is Linux, as workspaces are. */
export const isPossible = process.platform === 'linux'
export const shipped = shippedAgents(join(import.meta.dirname, '../../../../resources'))

/** The one workspace of a test, whose user has this home folder. */
export function workspaceAt(home: string, incarnation = '1'): Workspace {
  const user = {
    name: 'me',
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    home,
    shell: '/bin/sh',
  }
  const definition = { workspaceFolder: '/workspaces/one' }
  return { id: 'one', state: 'running', incarnation, user, definition } as unknown as Workspace
}

/** For tests: a keeper of an agent on this machine, in folders of its own. `through` may change what its driver does. */
export function openKeeper(binaries = shipped, through = (driver: Driver) => driver) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-agent-test-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const local = new LocalDriver({ PATH: process.env.PATH ?? '', HOME: home, BERTH_AGENT_FOLDER: folder })
  const workspaces = new Collection<Workspace>()
  workspaces.set(workspaceAt(home))
  const keeper = new AgentKeeper({
    workspaceId: 'one',
    workspaces,
    driver: () => through(local.driver),
    binaries,
    clock: systemClock,
    logger: silentLogger,
  })
  const connected = (other?: SshConnection) =>
    new Promise<SshConnection>((resolve) => {
      const look = () => {
        const { connection } = keeper
        if (!connection || connection === other) return
        void unwatch()
        resolve(connection)
      }
      const unwatch = keeper.onChange(look)
      keeper.use()
      look()
    })
  const dispose = async () => {
    keeper.dispose()
    local.cut()
    removeWithProcesses(folder)
  }
  return { connected, dispose, folder, home, keeper, local, workspaces }
}

/** Process ids of what has a folder, and this word, in its command line. */
export function processesIn(folder: string, word = ''): number[] {
  const table = execFileSync('ps', ['-eo', 'pid=,args=']).toString()
  return table
    .split('\n')
    .flatMap((line) => (line.includes(folder) && line.includes(word) ? [Number.parseInt(line, 10)] : []))
}

/** Sends each a signal; one of them may have ended by itself since it was listed. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Removes a folder once all that lives in it is ended. What was ended just now may still be at it. */
export function removeWithProcesses(folder: string): void {
  signalAll(processesIn(folder), 'SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}
