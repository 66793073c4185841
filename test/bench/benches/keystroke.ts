import type { Bench } from '../bench'
import { quantile } from '../statistics'
import { focus, heard, listenFor, type } from '../terminal-page'
import { openBerth, withApplication } from '../window'
import { openEngine } from '../workspace'

const KEYS = 60
/** One frame at 60 Hz, milliseconds: what no window can do better than. */
const FRAME = 1000 / 60

/** A key goes to the shell's terminal line inside and comes back as its echo. */
export const keystroke: Bench = {
  name: 'keystroke',
  title: 'key to echo on screen, p95 / raw exec echo, p95, plus one frame',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 1.5 },
  rounds: 9,
  prepare: () =>
    withApplication(async () => {
      const window = await openBerth()
      await window.openTerminal()
      const { page } = window
      await type(page, 'clear; exec cat')
      const berth = await openEngine()
      const workspace = await berth.workspace()
      const running = await berth.engine.links
        .get(workspace.id)
        .exec({ command: ['cat'], tty: { columns: 120, rows: 40 } })
      return {
        async ours() {
          await focus(page)
          const times: number[] = []
          for (let count = 0; count < KEYS; count += 1) {
            await listenFor(
              page,
              '',
              () =>
                new Promise<number>((resolve) => {
                  const screen = [...document.querySelectorAll<HTMLElement>('.xterm')].find(
                    (each) => each.offsetParent,
                  )
                  const rows = screen?.querySelector('.xterm-rows')
                  if (!rows) throw new Error('there is no terminal in view')
                  const text = () => (rows.textContent ?? '').replaceAll('\u00a0', ' ').trimEnd()
                  document.addEventListener(
                    'keydown',
                    () => {
                      const started = performance.now()
                      const before = text().length
                      const observer = new MutationObserver(() => {
                        if (text().length <= before) return
                        observer.disconnect()
                        // The rows change within a frame; a task that is posted then runs after its paint.
                        const { port1, port2 } = new MessageChannel()
                        port1.onmessage = () => resolve(performance.now() - started)
                        port2.postMessage(null)
                      })
                      observer.observe(rows, { childList: true, subtree: true, characterData: true })
                    },
                    { once: true, capture: true },
                  )
                }),
            )
            await page.keyboard.press('x')
            times.push(await heard(page))
            await pause(20 + Math.random() * 30)
          }
          // A new line, so that the next round has room on the screen.
          await page.keyboard.press('Enter')
          await page.keyboard.press('Enter')
          return quantile(times, 0.95)
        },
        async reference() {
          const times: number[] = []
          for (let count = 0; count < KEYS; count += 1) {
            const started = performance.now()
            const echoed = new Promise<void>((resolve) => running.stdout.once('data', () => resolve()))
            running.stdin.write('x')
            await echoed
            times.push(performance.now() - started)
            await pause(20 + Math.random() * 30)
          }
          return quantile(times, 0.95) + FRAME
        },
        async dispose() {
          running.destroy()
          await berth.dispose()
          await window.dispose()
        },
      }
    }),
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
