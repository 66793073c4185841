import { z } from 'zod'
import type { RequestSchema } from './requests'

/**
 * What only the shell (Electron's main process) can do. One ipcMain door, `berth:shell`, checks sender frame, name
 * and schema; answers are `Result`s.
 */
const Nothing = z.strictObject({})

export const shellRequests = {
  /** Opens an http or https address in the user's browser. */
  'shell.openExternal': { input: z.strictObject({ url: z.string().max(4096) }), output: Nothing },
  'shell.chooseFolder': { input: Nothing, output: z.strictObject({ path: z.string().nullable() }) },
  'shell.writeClipboard': { input: z.strictObject({ text: z.string().max(10_000_000) }), output: Nothing },
  'shell.readClipboard': { input: Nothing, output: z.strictObject({ text: z.string() }) },
  /** Asks for the engine's MessagePort; it arrives as a window message `berth:engine-port`. */
  'shell.connectEngine': { input: Nothing, output: Nothing },
  'shell.setTheme': {
    input: z.strictObject({ theme: z.enum(['system', 'light', 'dark']) }),
    output: Nothing,
  },
  'shell.info': {
    input: Nothing,
    output: z.strictObject({
      version: z.string(),
      platform: z.enum(['linux', 'darwin', 'win32']),
      electron: z.string(),
    }),
  },
} as const satisfies Record<string, RequestSchema>

export type ShellRequests = typeof shellRequests
export type ShellRequestName = keyof ShellRequests
export type ShellRequestInput<N extends ShellRequestName> = z.input<ShellRequests[N]['input']>
export type ShellRequestOutput<N extends ShellRequestName> = z.output<ShellRequests[N]['output']>

export const SHELL_CHANNEL = 'berth:shell'
export const ENGINE_PORT_MESSAGE = 'berth:engine-port'
/** Engine lifecycle, shell to window: `{state: 'starting' | 'ready' | 'crashed'}`. */
export const ENGINE_STATE_CHANNEL = 'berth:engine-state'
