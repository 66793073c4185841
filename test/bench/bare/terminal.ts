import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'

/** Bytes given to the parser before it is waited for: xterm's own advice for feeding it fast. */
const HIGH = 400_000
const PIECE = 16_384

/** What the bench calls in the page. */
declare global {
  interface Window {
    /** A terminal of this size, with the addons that Berth's has. */
    openTerminal(columns: number, rows: number): void
    /** Writes `block` again and again until `bytes` are written and parsed; milliseconds until they are on the screen. */
    flood(block: string, bytes: number): Promise<number>
  }
}

let terminal: Terminal

window.openTerminal = (columns, rows) => {
  terminal = new Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true, fontSize: 13 })
  for (const addon of [new FitAddon(), new SearchAddon(), new UnicodeGraphemesAddon(), new WebLinksAddon()])
    terminal.loadAddon(addon)
  terminal.open(document.getElementById('terminal') as HTMLElement)
}

window.flood = async (text, bytes) => {
  const block = new TextEncoder().encode(text)
  const started = performance.now()
  let outstanding = 0
  let wake: () => void = () => undefined
  let written = 0
  while (written < bytes) {
    for (let offset = 0; offset < block.length && written < bytes; offset += PIECE) {
      const piece = block.subarray(offset, Math.min(offset + PIECE, block.length, offset + bytes - written))
      written += piece.length
      outstanding += piece.length
      terminal.write(piece, () => {
        outstanding -= piece.length
        if (outstanding < HIGH / 4) wake()
      })
      if (outstanding > HIGH)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  await new Promise<void>((resolve) => terminal.write('', resolve))
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
  return performance.now() - started
}
