import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, launchBerth, tellMain } from './launch'

let docker: WindowDocker
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  docker = await startWindowDocker(['debian', 'scratch'])
  berth = await launchBerth({ env: docker.env })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await docker?.dispose()
  }
})

const tabs = () => window.page.getByRole('tablist', { name: 'Terminals' }).getByRole('tab')
const focused = () =>
  window.page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName,
  )

describe('by keyboard alone', () => {
  it('a terminal with a running program is closed only when the user says so', async () => {
    await window.create(TEST_IMAGES.debian, 'pier')
    await window.waitForState('Running')
    await window.openTerminal()
    // Once it prints it is there: a terminal at its prompt would be closed at once.
    await window.run("sh -c 'echo up-$((40 + 2)); sleep 4321; true'")
    await window.waitForText('up-42')
    const dialog = window.page.getByRole('dialog')
    await window.page.keyboard.press('Control+Shift+W')
    await dialog.getByText('sleep 4321').waitFor()
    await window.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await tabs().count()).toBe(1)
    await expect.poll(focused).toBe('Terminal input')
    await window.page.keyboard.press('Control+Shift+W')
    await dialog.getByText('sleep 4321').waitFor()
    await expect.poll(() => dialog.evaluate((one) => one.contains(document.activeElement))).toBe(true)
    await window.page.keyboard.press('Enter')
    await window.page.getByRole('heading', { name: 'No terminals' }).waitFor()
  })

  it('a terminal at its prompt is closed at once', async () => {
    await window.openTerminal()
    await window.page.keyboard.press('Control+Shift+W')
    await window.page.getByRole('heading', { name: 'No terminals' }).waitFor()
    expect(await window.page.getByRole('dialog').count()).toBe(0)
  })

  it('terminals are left, renamed and moved', async () => {
    await window.openTerminal()
    await window.page.keyboard.press('Control+Shift+T')
    await expect.poll(() => tabs().allTextContents()).toEqual(['bash', 'bash 2'])
    // It comes to the front a moment after it is there.
    const fresh = tabs().nth(1)
    await expect.poll(() => fresh.getAttribute('aria-selected')).toBe('true')
    await window.waitForPrompt()
    await expect.poll(focused).toBe('Terminal input')
    await window.page.keyboard.press('Control+F6')
    await expect.poll(() => fresh.evaluate((tab) => tab === document.activeElement)).toBe(true)
    await window.page.keyboard.press('F2')
    await window.page.keyboard.type('server')
    await window.page.keyboard.press('Enter')
    await expect.poll(() => tabs().allTextContents()).toEqual(['bash', 'server'])
    await expect.poll(focused).toBe('Terminal input')
    await window.page.keyboard.press('Control+Shift+PageUp')
    await expect.poll(() => tabs().allTextContents()).toEqual(['server', 'bash'])
  })

  it('a port is forwarded and labelled, and the keyboard stays with it', async () => {
    await window.page.keyboard.press('Control+2')
    const add = window.page.getByRole('button', { name: 'Forward a port' })
    await add.press('Enter')
    await window.page.keyboard.type('8080')
    await window.page.keyboard.press('Enter')
    await window.port(8080).getByText('Nothing listens now').waitFor()
    await expect.poll(() => add.evaluate((button) => button === document.activeElement)).toBe(true)
    const actions = window.page.getByRole('button', { name: 'Actions for port 8080' })
    await actions.press('Enter')
    await window.page.getByRole('menuitem', { name: 'Label…' }).press('Enter')
    await expect.poll(focused).toBe('Label of port 8080')
    await window.page.keyboard.type('Tides')
    await window.page.keyboard.press('Enter')
    await window.port(8080).getByText('Tides').waitFor()
    await expect.poll(focused).toBe('Actions for port 8080')
  })

  it('a workspace’s menu in the list says what it is, opens, closes, and gives the keyboard back', async () => {
    await window.page.keyboard.press('Control+Shift+E')
    const row = window.page.getByRole('button', { name: /^pier/ }).first()
    await row.waitFor()
    const actions = window.page.getByRole('button', { name: 'Actions for pier' })
    const tip = window.page.getByRole('tooltip')
    const stop = window.page.getByRole('menuitem', { name: 'Stop…' })
    await window.page.getByRole('button', { name: 'Stop pier' }).focus()
    await window.page.keyboard.press('Tab')
    await expect.poll(focused).toBe('Actions for pier')
    await expect.poll(() => tip.textContent()).toBe('Actions for pier')
    await window.page.keyboard.press('Enter')
    await stop.waitFor()
    await tip.waitFor({ state: 'detached' })
    await window.page.keyboard.press('Escape')
    await stop.waitFor({ state: 'detached' })
    await expect.poll(focused).toBe('Actions for pier')
    await actions.click()
    await stop.waitFor()
    await actions.click()
    await stop.waitFor({ state: 'detached' })
    await actions.click()
    await window.page.getByRole('menuitem', { name: 'Rename…' }).click()
    await window.page.getByRole('dialog').waitFor()
    await window.page.keyboard.press('Escape')
    await expect.poll(focused).toBe('Actions for pier')
    await row.click()
  })
})

describe('with a screen reader', () => {
  const readable = () => window.page.locator('.xterm-accessibility')

  it('terminals are put into words from the moment that it begins, until it ends', async () => {
    await window.tab('Terminals')
    await window.terminal().waitFor()
    expect(await readable().count()).toBe(0)
    await tellMain(berth, ({ app }) => app.emit('accessibility-support-changed', {}, true))
    await readable().waitFor({ state: 'attached' })
    await window.run('echo heard | tr a-z A-Z')
    await readable().getByText('HEARD').first().waitFor({ state: 'attached' })
    await tellMain(berth, ({ app }) => app.emit('accessibility-support-changed', {}, false))
    await readable().waitFor({ state: 'detached' })
  })
})

describe('an image without a shell', () => {
  it('has no terminals, and says why; its ports are known by the agent', async () => {
    await window.create(TEST_IMAGES.scratch, 'raft')
    await window.waitForState('Running')
    await window.page.getByRole('alert', { name: 'raft has no shell' }).waitFor()
    await window.tab('Ports')
    await window.page.getByRole('button', { name: 'Forward a port' }).click()
    await window.page.getByLabel('Port', { exact: true }).fill('8080')
    await window.page.getByRole('button', { name: 'Forward', exact: true }).click()
    await window.port(8080).getByText('Forwarded by hand').waitFor()
    // Until the agent is in place nobody can tell what listens, and that is said.
    const told = window.page.getByRole('alert', { name: 'Ports cannot be detected in this image' })
    await expect.poll(() => told.count()).toBe(0)
  })
})
