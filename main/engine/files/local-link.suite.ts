import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Workspace } from '#contract'
import { createLinks } from '../link'
import { removeWithProcesses, shipped, workspaceAt } from '../link/agent/local-agent.suite'
import { LocalDriver } from '../link/agent/local-driver.suite'
import { systemClock } from '../platform/clock'
import { Collection } from '../platform/collection'
import { silentLogger } from '../platform/logger'
import type { Platform } from '../platform/platform'

/** For tests: the link of a workspace that is this machine, with the real agent. Local and remote folders are made. */
export function openLocalLink() {
  const folder = mkdtempSync(join(tmpdir(), 'berth-files-test-'))
  const [home, local, remote] = ['home', 'local', 'remote'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [home, local, remote]) mkdirSync(path)
  const driver = new LocalDriver({ PATH: process.env.PATH ?? '', HOME: home, BERTH_AGENT_FOLDER: folder })
  const workspaces = new Collection<Workspace>()
  workspaces.set({ ...workspaceAt(home), name: 'one', reason: 'it was started' })
  const platform = {
    clock: systemClock,
    logger: silentLogger,
    env: {},
    folders: { resources: '' },
  } as unknown as Platform
  const links = createLinks({ platform, workspaces, driverOf: () => driver.driver, agents: shipped })
  return {
    folder,
    home,
    local,
    remote,
    driver,
    links,
    link: links.get('one'),
    platform,
    workspaces,
    dispose() {
      links.dispose()
      driver.cut()
      removeWithProcesses(folder)
    },
  }
}
