import type { Settings } from '#contract'
import type { Clock } from './clock'
import type { Disposer } from './disposable'
import type { Keychain } from './keychain'
import type { Logger } from './logger'
import type { Processes } from './processes'

/** Folders that Berth may use on this machine. */
export interface Folders {
  readonly home: string
  /** Preferences: `settings.json`. */
  readonly config: string
  /** Things that can be made again. */
  readonly cache: string
  /** Locks and markers of running Berth processes. */
  readonly state: string
  /** Parent of temporary folders, each removed by whoever made it. */
  readonly temporary: string
  /** Files shipped with Berth (`resources/`). */
  readonly resources: string
}

export interface SettingsStore {
  get(): Settings
  change(fields: Partial<Settings>): Promise<Settings>
  onChange(listener: (settings: Settings) => void): Disposer
}

/** All side effects that the engine's services need, in one place, so that a test can hand over its own. */
export interface Platform {
  readonly clock: Clock
  readonly logger: Logger
  readonly processes: Processes
  readonly folders: Folders
  readonly settings: SettingsStore
  readonly keychain: Keychain
  /** The environment that the engine was started with; read through this and not `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  /** Who owns what is made on this machine, where that is told by numbers that containers share: on Linux. */
  readonly localUser?: () => { readonly uid: number; readonly gid: number } | undefined
  /** What runs Berth's command line on this machine, as an argument vector without its own arguments. Absent: nothing does. */
  readonly commandLine?: readonly string[]
  /** Whether a person sits at this process's terminal and may be asked something just now. Absent: never. */
  readonly interactive?: () => boolean
}
