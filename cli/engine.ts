import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEngine, createNodePlatform, type Engine } from '../main/engine'
import { Selection } from '../main/engine/platform/collection'
import { createJsonLogger, silentLogger } from '../main/engine/platform/logger'
import { nodeFolders } from '../main/engine/platform/node-folders'
import type { SettingsStore } from '../main/engine/platform/platform'
import { version } from '../package.json'

export { version }

export interface OpenOptions {
  /** Whose ports this process watches and forwards. Absent: nobody's, so that `berth list` starts nothing anywhere. */
  readonly followed?: Selection
  /** Whether somebody is at this process's terminal who answers questions of workspaces. Absent: never. */
  readonly attended?: () => boolean
  /** Overrides the user's setting for this process. */
  readonly autoForward?: boolean
  /** Other Berth processes may take their SSH clients through this one, which is quicker. Absent: no. */
  readonly sharesGateway?: boolean
}

/** The engine, in this process. Its log goes to stderr as JSON lines when `BERTH_LOG` is set. */
export function openEngine(options: OpenOptions = {}): Engine {
  const logger = process.env.BERTH_LOG ? createJsonLogger((line) => process.stderr.write(line)) : silentLogger
  const machine = createNodePlatform({ version, resources: resourcesFolder(), logger, interactive })
  const { attended, autoForward, sharesGateway } = options
  const platform =
    autoForward === undefined
      ? machine
      : { ...machine, settings: withAutoForward(machine.settings, autoForward) }
  return createEngine({
    platform,
    followed: options.followed ?? new Selection(),
    ...(sharesGateway !== undefined && { sharesGateway }),
    ...(attended && { attended }),
  })
}

/** Not while the terminal belongs to a workspace: raw mode sends every key there. */
function interactive(): boolean {
  const { stdin, stderr } = process
  return stdin.isTTY === true && stderr.isTTY === true && !stdin.isRaw
}

function withAutoForward(settings: SettingsStore, autoForward: boolean): SettingsStore {
  return { ...settings, get: () => ({ ...settings.get(), autoForward }) }
}

/** Where running Berth processes leave word of themselves. */
export function stateFolder(): string {
  return nodeFolders(process.env, resourcesFolder()).state
}

/** The bundled example, a folder with an application and its definition. */
export function exampleFolder(): string {
  return join(resourcesFolder(), 'example')
}

/** `resources/` of the checkout or of the installed application: the nearest one above this file. */
export function resourcesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, 'resources')
    if (existsSync(candidate)) return candidate
    const parent = dirname(folder)
    if (parent === folder) return join(dirname(fileURLToPath(import.meta.url)), 'resources')
    folder = parent
  }
}
