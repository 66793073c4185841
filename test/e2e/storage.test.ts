import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'
import { Panes } from './panes'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
let repository: Repository
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage
const panes = new Panes(() => window)

beforeAll(async () => {
  docker = await startWindowDocker()
  repository = await makeRepository('harbour', {
    '.gitpod.yml': JSON.stringify({
      image: TEST_IMAGES.debian,
      tasks: [
        { name: 'tides', init: 'echo once >> made', command: 'echo "the tide of $(cat made)"' },
        { name: 'gauge', command: 'echo gauge-$((40 + 2))', openMode: 'split-right' },
        { name: 'log', command: 'echo log-$((40 + 2))', openMode: 'split-bottom' },
      ],
    }),
  })
  home = await makeHome()
  berth = await launchBerth({ env: docker.env, home })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await home?.dispose()
    await docker?.dispose()
    await repository?.dispose()
  }
})

const prebuilds = () => window.page.getByRole('region', { name: 'Prebuilds', exact: true })

describe('a prebuild, and the tasks of a workspace that is made from it', () => {
  it('is made from the form for a new workspace, which says afterwards that there is one', async () => {
    await window.giveSource(repository.url)
    await window.preview().getByText('None yet.').waitFor()
    await window.preview().getByRole('button', { name: 'Prebuild…' }).click()
    const dialog = window.page.getByRole('dialog', { name: 'New prebuild' })
    await dialog.getByText('harbour').waitFor()
    await dialog.getByRole('button', { name: 'Make the prebuild' }).click()
    await dialog.waitFor({ state: 'detached' })
    await window.preview().getByText('There is one, made').waitFor({ timeout: 90_000 })
    expect(await window.preview().getByText('its commands have run already').count()).toBe(1)
  })

  it('tasks come up beside each other where their file says so', async () => {
    await window.page.getByLabel('Name', { exact: true }).fill('harbour')
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.waitForState('Running')
    await window.page.getByRole('tab', { name: 'tides · gauge · log' }).click()
    await expect
      .poll(() => panes.places())
      .toEqual([
        [0, 0, 50, 100],
        [50, 0, 50, 50],
        [50, 50, 50, 50],
      ])
    await panes.waitForText(0, 'the tide of once')
    await panes.waitForText(1, 'gauge-42')
    await panes.waitForText(2, 'log-42')
  })

  it('a task is run from the menu beside the tabs, in a terminal of its own', async () => {
    const before = (await window.terminalTabs()).length
    await window.page.getByRole('button', { name: 'Run a task' }).click()
    await window.page.getByRole('menuitem', { name: 'tides' }).click()
    await expect.poll(async () => (await window.terminalTabs()).length).toBe(before + 1)
    await window.page.getByRole('tablist', { name: 'Terminals' }).getByRole('tab').last().click()
    // What it does once had been done by the prebuild, and is not done again.
    await window.waitForText('the tide of once')
  })

  it('is listed under Storage, and removed there after a question', async () => {
    await window.go('Storage')
    const row = prebuilds().getByRole('listitem').filter({ hasText: 'harbour' })
    await row.waitFor()
    expect(await row.textContent()).toMatch(/[0-9a-f]{7} · made .* · .*B · [0-9a-f]{12}/)
    await row.getByRole('button', { name: /^Remove/ }).click()
    await window.page.getByRole('dialog').getByText('go on').waitFor()
    await window.confirm('Remove')
    await prebuilds().getByText('There are none yet.').waitFor()
  })

  it('templates and prebuilds are found in the palette', async () => {
    const palette = async (words: string, title: string) => {
      await window.page.keyboard.press('Control+k')
      await window.page.getByRole('combobox', { name: 'Search workspaces and commands' }).fill(words)
      await window.page.keyboard.press('Enter')
      await window.page.getByRole('dialog', { name: title }).waitFor()
      await window.page.keyboard.press('Escape')
      await window.page.getByRole('dialog', { name: title }).waitFor({ state: 'detached' })
    }
    await palette('new prebuild', 'New prebuild')
    await palette('from template', 'Templates')
  })
})
