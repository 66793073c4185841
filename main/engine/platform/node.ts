import { join } from 'node:path'
import { systemClock } from './clock'
import { type Logger, silentLogger } from './logger'
import { findCommandLine } from './node-command-line'
import { nodeFolders } from './node-folders'
import { createNodeKeychain } from './node-keychain'
import { nodeProcesses } from './node-processes'
import { createSettingsStore } from './node-settings'
import type { Platform } from './platform'

export interface NodePlatformOptions {
  readonly version: string
  /** The folder of files shipped with Berth. */
  readonly resources: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly logger?: Logger
  /** See {@link Platform.interactive}. */
  readonly interactive?: () => boolean
}

function localUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.platform !== 'linux' || !process.getuid || !process.getgid) return undefined
  return { uid: process.getuid(), gid: process.getgid() }
}

/** The real machine. */
export function createNodePlatform(options: NodePlatformOptions): Platform {
  const env = options.env ?? process.env
  const logger = options.logger ?? silentLogger
  const folders = nodeFolders(env, options.resources)
  const commandLine = findCommandLine(env, options.resources)
  return {
    clock: systemClock,
    logger,
    processes: nodeProcesses,
    folders,
    settings: createSettingsStore(join(folders.config, 'settings.json'), logger),
    keychain: createNodeKeychain({ processes: nodeProcesses, env, folder: folders.config }),
    env,
    version: options.version,
    localUser,
    ...(commandLine && { commandLine }),
    ...(options.interactive && { interactive: options.interactive }),
  }
}
