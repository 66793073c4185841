import type { Page } from 'playwright-core'
import { startWindowDocker } from '../../e2e/engine'
import { launchBerth, makeHome } from '../../e2e/launch'
import { TEST_IMAGES } from '../../harness/images'
import type { Bench } from '../bench'
import { quantile } from '../statistics'
import { focus, type } from '../terminal-page'
import { withApplication } from '../window'
import { benchName } from '../workspace'

/** Lines that the old session has printed, and of them those that have to be there. */
const PRINTED = 12_000
const LINES = 10_000
const LAST = `line ${PRINTED} of the old session`
/** Presses of the key that scrolls a page up until the old session's beginning has to be in view. */
const PAGES = 500
/** Milliseconds. */
const WITH_LINK = 300
const SIZE = { width: 1280, height: 800 }

/** The workspace is opened by script as soon as the window offers it. */
export const reattach: Bench = {
  name: 'reattach',
  title: `start of the application: from its first paint to the screen of an old session of ${LINES} lines`,
  unit: 'ms',
  target: { kind: 'value', atMost: 300 },
  rounds: 7,
  prepare: ({ say }) =>
    withApplication(async () => {
      const docker = await startWindowDocker()
      const home = await makeHome({ terminal: { keep: true, scrollback: PRINTED } })
      const dispose = async () => {
        await home.dispose()
        await docker.dispose()
      }
      const launch = () => launchBerth({ env: docker.env, home, size: SIZE })
      const name = benchName()
      const parts: Parts[] = []
      const linked: number[] = []
      let depth = 0
      try {
        const first = await launch()
        await makeSession(first.page, name)
        await first.close()
      } catch (error) {
        await dispose()
        throw error
      }
      return {
        async ours() {
          const berth = await launch()
          try {
            const took = await reattached(berth.page, name)
            say(`reattach: ${JSON.stringify(took)}`)
            parts.push(took)
            depth = await linesAbove(berth.page)
            // The engine, and its link to the workspace, outlive the page.
            await berth.page.reload()
            const again = await reattached(berth.page, name)
            linked.push(again.screen - again.listed)
            return took.screen
          } finally {
            await berth.close()
          }
        },
        facts: async () => [
          { what: 'first paint to the workspace in the list', value: median(parts, 'listed'), pass: true },
          {
            what: `with the link up, after a reload: from the workspace's entry to the same screen (<= ${WITH_LINK} ms)`,
            value: `${quantile(linked, 0.5).toFixed(0)} ms`,
            pass: quantile(linked, 0.5) <= WITH_LINK,
          },
          { what: 'lines there', value: String(depth), pass: depth >= LINES },
        ],
        dispose,
      }
    }),
}

interface Parts {
  readonly listed: number
  readonly screen: number
}

function median(parts: readonly Parts[], key: keyof Parts): string {
  const times = parts.map((each) => each[key])
  return `${quantile(times, 0.5).toFixed(0)} ms`
}

async function makeSession(page: Page, name: string): Promise<void> {
  await page.getByLabel('Git URL, folder or image').fill(TEST_IMAGES.debian)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'New workspace' }).waitFor()
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('button', { name: 'Create workspace' }).click()
  await page.getByRole('status').getByText('Running', { exact: true }).first().waitFor({ timeout: 60_000 })
  await page.getByRole('tab', { name: 'Terminals' }).click()
  await page.locator('.xterm:visible').first().waitFor()
  await type(page, `clear; seq -f 'line %.0f of the old session' 1 ${PRINTED}`)
  await page.waitForFunction((last) => {
    const text = document.querySelector('.xterm-rows')?.textContent?.replaceAll('\u00a0', ' ')
    return text?.includes(last)
  }, LAST)
}

/** Milliseconds after the page's first paint. */
function reattached(page: Page, name: string): Promise<Parts> {
  return page.evaluate(
    ([name, last]) =>
      new Promise<Parts>((resolve) => {
        let listed = 0
        const look = () => {
          const paint = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0
          if (listed === 0) {
            const entry = [...document.querySelectorAll<HTMLElement>('nav button')].find((button) =>
              button.textContent?.includes(name),
            )
            entry?.click()
            if (entry) listed = performance.now() - paint
          }
          const text = document.querySelector('.xterm-rows')?.textContent?.replaceAll('\u00a0', ' ')
          if (text?.includes(last)) resolve({ listed, screen: performance.now() - paint })
          else requestAnimationFrame(look)
        }
        look()
      }),
    [name, LAST] as const,
  )
}

/** Lines from the first one that can be scrolled to, to the last. */
async function linesAbove(page: Page): Promise<number> {
  await focus(page)
  for (let count = 0; count < PAGES; count += 1) await page.keyboard.press('Shift+PageUp')
  const first = await page.evaluate(() => {
    const text = document.querySelector('.xterm-rows')?.textContent?.replaceAll('\u00a0', ' ')
    return /line (\d+) of/.exec(text ?? '')?.[1]
  })
  return PRINTED - Number(first) + 1
}
