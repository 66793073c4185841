/**
 * Names that the shell, the preload and the page share. Apart from shell.ts, so that a process that needs the names
 * alone loads no schema library with them.
 */

/** The one ipcMain door: `invoke(SHELL_CHANNEL, name, input)` answers a `Result`. */
export const SHELL_CHANNEL = 'berth:shell'
/** Data of the window message that brings the engine's MessagePort. */
export const ENGINE_PORT_MESSAGE = 'berth:engine-port'
/** Engine lifecycle, shell to window: an `EngineState`. */
export const ENGINE_STATE_CHANNEL = 'berth:engine-state'
/** Whether assistive technology reads the window, shell to window: a boolean. */
export const ASSISTIVE_CHANNEL = 'berth:assistive'
/** Menu, tray and links, shell to window: a `WindowCommand`. */
export const WINDOW_COMMAND_CHANNEL = 'berth:command'
/** Origin of the window's page; nothing else is served there, and no other page may call the shell. */
export const WINDOW_ORIGIN = 'app://berth'
