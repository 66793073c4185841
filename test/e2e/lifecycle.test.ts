import { spawn } from 'node:child_process'
import type * as Electron from 'electron'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE } from '../harness/bounds'
import { BerthPage } from './berth-page'
import { pictureFailures } from './failure-picture'
import { askMain, type BerthApp, type Home, launchBerth, makeHome, processesOf, tellMain } from './launch'

let home: Home
let berth: BerthApp
pictureFailures(() => berth)
beforeAll(async () => {
  home = await makeHome()
})
afterAll(async () => {
  await berth?.close()
  await home?.dispose()
})

const bounds = () =>
  askMain(berth, ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getNormalBounds())

/** Starts Berth once more for the same user, and returns its exit code. */
function startAgain(...args: string[]): Promise<number | null> {
  const child = spawn(berth.start, [berth.folder, ...args], { env: { ...berth.env }, stdio: 'ignore' })
  return new Promise((resolve) => child.once('exit', resolve))
}

describe('a start', () => {
  it('shows the window before the engine is there', async () => {
    berth = await launchBerth({ home })
    await expect.poll(() => berth.log()).toContain('The engine is ready')
    const log = berth.log()
    expect(log.indexOf('The window is shown')).toBeGreaterThan(-1)
    expect(log.indexOf('The window is shown')).toBeLessThan(log.indexOf('The engine is ready'))
    expect(
      await askMain(berth, ({ BrowserWindow }) =>
        BrowserWindow.getAllWindows().map((one) => one.isVisible()),
      ),
    ).toEqual([true])
  })

  it('of a second one hands its link over: the address is filled in, and nothing starts', async () => {
    const source = 'https://example.com/owner/from-a-link.git#main'
    expect(await startAgain(`berth://open?url=${encodeURIComponent(source)}`)).toBe(0)
    const window = new BerthPage(berth.page)
    await window.page.getByRole('heading', { name: 'New workspace' }).waitFor()
    await expect.poll(() => window.sourceField().inputValue()).toBe(source)
    expect(await askMain(berth, ({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
    expect(await window.page.getByRole('list', { name: 'Steps' }).count()).toBe(0)
  })

  it('takes a link that is none of ours for a plain start', async () => {
    expect(await startAgain('berth://create?url=https%3A%2F%2Fexample.com%2Fother')).toBe(0)
    await expect.poll(() => berth.log()).toContain('"what":"link"')
    expect(await new BerthPage(berth.page).sourceField().inputValue()).not.toContain('other')
  })

  it('brings the window back where it was, in the theme it had', async () => {
    await tellMain(berth, ({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setBounds({ x: 120, y: 80, width: 1111, height: 777 }),
    )
    await berth.page.evaluate(() => window.berth.shell.call('shell.setTheme', { theme: 'dark' }))
    await expect.poll(bounds).toEqual({ x: 120, y: 80, width: 1111, height: 777 })
    await berth.close()
    berth = await launchBerth({ home })
    expect(await bounds()).toEqual({ x: 120, y: 80, width: 1111, height: 777 })
    expect(
      await askMain(berth, ({ BrowserWindow, nativeTheme }) => [
        nativeTheme.themeSource,
        BrowserWindow.getAllWindows()[0]?.getBackgroundColor(),
      ]),
    ).toEqual(['dark', '#101418'])
  })
})

describe('the menu', () => {
  const choose = async (label: string) => {
    await expect.poll(() => askMain(berth, ({ Menu }) => Menu.getApplicationMenu() !== null)).toBe(true)
    const press = ({ Menu }: Pick<typeof Electron, 'Menu'>, wanted: string) => {
      const items = Menu.getApplicationMenu()?.items.flatMap((item) => item.submenu?.items ?? []) ?? []
      const item = items.find((one) => one.label === wanted)
      if (!item) throw new Error(`no ${wanted} among ${items.map((one) => one.label).join(', ')}`)
      item.click()
    }
    await tellMain(berth, press, label)
  }

  it('leads to settings and to a new workspace', async () => {
    await choose('Settings…')
    await berth.page.getByRole('heading', { name: 'Settings' }).waitFor()
    await choose('New Workspace…')
    await berth.page.getByRole('heading', { name: 'New workspace' }).waitFor()
  })

  it('opens a second window, which works, and closing one leaves the other', async () => {
    const opened = berth.app.waitForEvent('window', { timeout: PATIENCE })
    await choose('New Window')
    const page = await opened
    await page.getByRole('navigation', { name: 'Main' }).waitFor()
    expect(await page.evaluate(() => window.berth.shell.call('shell.info', {}))).toMatchObject({ ok: true })
    await page.close()
    await expect.poll(() => berth.app.windows().length).toBe(1)
    expect(await berth.page.evaluate(() => window.berth.shell.call('shell.info', {}))).toMatchObject({
      ok: true,
    })
  })
})

describe('the end', () => {
  it('comes with the last window when nothing is open, and takes every process along', async () => {
    const child = berth.app.process()
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await tellMain(berth, ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
    expect(await exited).toBe(0)
    expect(await processesOf(home.path)).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('comes with %s, as from a terminal', async (signal) => {
    await berth.close()
    berth = await launchBerth({ home })
    const child = berth.app.process()
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    expect(await exited).toBe(0)
    expect(await processesOf(home.path)).toEqual([])
  })
})
