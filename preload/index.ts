import { contextBridge, ipcRenderer, webFrame, webUtils } from 'electron'
import type { BerthWindow, EngineState, WindowCommand } from '#contract'
import {
  ASSISTIVE_CHANNEL,
  ENGINE_PORT_MESSAGE,
  ENGINE_STATE_CHANNEL,
  SHELL_CHANNEL,
  WINDOW_COMMAND_CHANNEL,
  WINDOW_ORIGIN,
} from '#contract/channels'

// Runs sandboxed in the page's process, in a world of its own: it passes on names and messages and decides nothing.
// Every check is made by the shell and by the engine.

let engineState: EngineState | undefined
const stateListeners = new Set<(state: EngineState) => void>()
ipcRenderer.on(ENGINE_STATE_CHANNEL, (_event, state: EngineState) => {
  engineState = state
  for (const listener of stateListeners) listener(state)
})

let assistive: boolean | undefined
const assistiveListeners = new Set<(on: boolean) => void>()
ipcRenderer.on(ASSISTIVE_CHANNEL, (_event, on: boolean) => {
  assistive = on
  for (const listener of assistiveListeners) listener(on)
})

const waitingCommands: WindowCommand[] = []
const commandListeners = new Set<(command: WindowCommand) => void>()
ipcRenderer.on(WINDOW_COMMAND_CHANNEL, (_event, command: WindowCommand) => {
  if (commandListeners.size === 0) waitingCommands.push(command)
  for (const listener of commandListeners) listener(command)
})

// A MessagePort cannot cross the context bridge; a window message can carry it, and reaches our own origin alone.
ipcRenderer.on(ENGINE_PORT_MESSAGE, (event) => {
  window.postMessage(ENGINE_PORT_MESSAGE, WINDOW_ORIGIN, event.ports)
})

const berth: BerthWindow = {
  platform: process.platform as BerthWindow['platform'],
  shell: { call: (name, input) => ipcRenderer.invoke(SHELL_CHANNEL, name, input) },
  onEngineState(listener) {
    stateListeners.add(listener)
    if (engineState) listener(engineState)
    return () => stateListeners.delete(listener)
  },
  onAssistive(listener) {
    assistiveListeners.add(listener)
    if (assistive !== undefined) listener(assistive)
    return () => assistiveListeners.delete(listener)
  },
  onCommand(listener) {
    commandListeners.add(listener)
    for (const command of waitingCommands.splice(0)) listener(command)
    return () => commandListeners.delete(listener)
  },
  pathOf: (file) => webUtils.getPathForFile(file),
  giveMemoryBack: () => webFrame.clearCache(),
}

contextBridge.exposeInMainWorld('berth', berth)
