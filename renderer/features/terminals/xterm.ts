import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { WebglAddon } from '@xterm/addon-webgl'
import { type ITerminalOptions, Terminal } from '@xterm/xterm'
import { clipboardText } from './clipboard-sequence'
import { hardenTerminal } from './hardening'
import { keepQuiet } from './quiet'

/** The terminal library and what goes with it. */
export interface Emulator {
  readonly terminal: Terminal
  readonly fit: FitAddon
  readonly search: SearchAddon
}

export interface EmulatorHooks {
  readonly onLink: (address: string) => void
  /** A program wants this text on the clipboard. */
  readonly onClipboard: (text: string) => void
}

export function createEmulator(options: ITerminalOptions, hooks: EmulatorHooks): Emulator {
  const showTitle = (event: MouseEvent, text: string) => {
    if (event.target instanceof HTMLElement) event.target.title = text
  }
  const hideTitle = (event: MouseEvent) => {
    if (event.target instanceof HTMLElement) event.target.removeAttribute('title')
  }
  const terminal = new Terminal({
    ...options,
    allowProposedApi: true,
    // A link whose text is another address than its target's shows where it leads.
    linkHandler: {
      activate: (_event, address) => hooks.onLink(address),
      hover: (event, address) => showTitle(event, address),
      leave: hideTitle,
      allowNonHttpProtocols: false,
    },
  })
  const fit = new FitAddon()
  const search = new SearchAddon()
  terminal.loadAddon(fit)
  terminal.loadAddon(search)
  terminal.loadAddon(new UnicodeGraphemesAddon())
  terminal.loadAddon(new WebLinksAddon((_event, address) => hooks.onLink(address)))
  terminal.parser.registerOscHandler(52, (data) => {
    const text = clipboardText(data)
    if (text !== undefined) hooks.onClipboard(text)
    return true
  })
  keepQuiet(terminal)
  hardenTerminal(terminal, (error) => console.error('A terminal met output that it could not show', error))
  return { terminal, fit, search }
}

let accelerated: boolean | undefined

/** Whether WebGL runs on a graphics processor. On the main processor it is slower than elements are. */
function isAccelerated(): boolean {
  if (accelerated === undefined) {
    const context = document
      .createElement('canvas')
      .getContext('webgl2', { failIfMajorPerformanceCaveat: true })
    accelerated = context !== null
    context?.getExtension('WEBGL_lose_context')?.loseContext()
  }
  return accelerated
}

/** Draws with WebGL, where that helps, until disposed or until the context is lost; then with elements again. */
export function accelerate(terminal: Terminal): { dispose(): void } | undefined {
  if (!isAccelerated()) return undefined
  const addon = new WebglAddon()
  addon.onContextLoss(() => addon.dispose())
  terminal.loadAddon(addon)
  return addon
}
