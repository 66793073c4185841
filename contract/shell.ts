import { z } from 'zod'
import type { Problem } from './problem'
import type { RequestSchema } from './requests'
import type { Result } from './result'

/**
 * What only the shell (Electron's main process) can do. One ipcMain door, `berth:shell`, checks sender frame, name
 * and schema; answers are `Result`s.
 */
const Nothing = z.strictObject({})

export const shellRequests = {
  /** Opens an http or https address in the user's browser. */
  'shell.openExternal': { input: z.strictObject({ url: z.string().max(4096) }), output: Nothing },
  'shell.chooseFolder': {
    /** Absent: for the source of a new workspace. */
    input: z.strictObject({ purpose: z.enum(['source', 'download', 'repository']).optional() }),
    output: z.strictObject({ path: z.string().nullable() }),
  },
  /** Files, or folders, of this machine to be copied into a workspace; none where the user chose none. */
  'shell.chooseUpload': {
    input: z.strictObject({ kind: z.enum(['files', 'folders']) }),
    output: z.strictObject({ paths: z.array(z.string()) }),
  },
  'shell.writeClipboard': { input: z.strictObject({ text: z.string().max(10_000_000) }), output: Nothing },
  'shell.readClipboard': { input: Nothing, output: z.strictObject({ text: z.string() }) },
  /**
   * Asks for the engine's MessagePort; it arrives as a window message whose data is `ENGINE_PORT_MESSAGE`, at once
   * or when the engine is ready. Asking again while waiting changes nothing; afterwards it makes a new channel, and
   * the page closes the one before. After a crash (the port closes, and the state says so) the window asks again, and
   * may do so at once.
   */
  'shell.connectEngine': { input: Nothing, output: Nothing },
  /** After the engine crashed too often and is not started again by itself. */
  'shell.restartEngine': { input: Nothing, output: Nothing },
  'shell.setTheme': {
    input: z.strictObject({ theme: z.enum(['system', 'light', 'dark']) }),
    output: Nothing,
  },
  /** Something waits for the user, who may look elsewhere: the taskbar or the dock says so until the window is in front. */
  'shell.askAttention': { input: Nothing, output: Nothing },
  'shell.info': {
    input: Nothing,
    output: z.strictObject({
      version: z.string(),
      platform: z.enum(['linux', 'darwin', 'win32']),
      electron: z.string(),
      /** Folder of the bundled example, where it is there: its path serves as a source. */
      example: z.string().optional(),
    }),
  },
} as const satisfies Record<string, RequestSchema>

export type ShellRequests = typeof shellRequests
export type ShellRequestName = keyof ShellRequests
/** What a handler gets. */
export type ShellRequestParsed<N extends ShellRequestName> = z.output<ShellRequests[N]['input']>
/** What a caller passes. */
export type ShellRequestInput<N extends ShellRequestName> = z.input<ShellRequests[N]['input']>
export type ShellRequestOutput<N extends ShellRequestName> = z.output<ShellRequests[N]['output']>

/** How the engine process is, as the window hears of it. */
export type EngineState =
  | { readonly state: 'starting' }
  | { readonly state: 'ready' }
  | {
      readonly state: 'crashed'
      readonly problem: Problem
      /** It is started again after this time; absent: no more attempts until `shell.restartEngine`. */
      readonly retryInMilliseconds?: number
    }

/** What a menu, the tray or a `berth://` link asks the window to show. None of them starts anything by itself. */
export type WindowCommand =
  | { readonly command: 'new-workspace'; readonly source?: string }
  | { readonly command: 'settings' }

/** `window.berth`: all that the page can reach beyond itself. Built by preload/index.ts. */
export interface BerthWindow {
  readonly platform: 'linux' | 'darwin' | 'win32'
  readonly shell: {
    call<N extends ShellRequestName>(
      name: N,
      input: ShellRequestInput<N>,
    ): Promise<Result<ShellRequestOutput<N>>>
  }
  /** Hears the present state at once after `shell.connectEngine`, then every change. Returns how to stop. */
  onEngineState(listener: (state: EngineState) => void): () => void
  /**
   * Hears whether a screen reader or the like is at work: at once after `shell.connectEngine`, then every change.
   * Returns how to stop.
   */
  onAssistive(listener: (on: boolean) => void): () => void
  /** Commands that came before the first listener are kept for it. Returns how to stop. */
  onCommand(listener: (command: WindowCommand) => void): () => void
  /** Where a file lies that was dropped on the window; empty for what is no file of this machine. */
  pathOf(file: File): string
  /** Empties the page's caches and collects its garbage. Takes some ten milliseconds: for when nobody is at work. */
  giveMemoryBack(): void
}
