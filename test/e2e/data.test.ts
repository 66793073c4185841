import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
let repository: Repository
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  docker = await startWindowDocker()
  repository = await makeRepository('tides', {
    '.devcontainer/devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      customizations: {
        berth: {
          services: {
            store: {
              image: TEST_IMAGES.debian,
              entrypoint: ['/bin/sh', '-c'],
              command: ['echo 1 >> /data/rows; trap "exit 0" TERM; while :; do sleep 0.2; done'],
              volumes: { heights: '/data' },
            },
          },
        },
      },
    }),
  })
  home = await makeHome()
  berth = await launchBerth({ env: docker.env, home })
  window = new BerthPage(berth.page)
  await window.create(repository.url, 'tides')
  await window.waitForState('Running')
  await window.tab('Details')
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

const section = () => window.page.getByRole('region', { name: 'Data' })
const snapshots = () => section().getByRole('list', { name: 'Snapshots' }).getByRole('listitem')

describe('a service of a workspace', () => {
  it('has a terminal of its own, opened from the list of services, and more from beside the tabs', async () => {
    await window.page
      .getByRole('region', { name: 'Services' })
      .getByRole('button', { name: 'Open a terminal in store' })
      .click()
    const tab = window.page.getByRole('tab', { name: 'store', exact: true })
    await expect.poll(() => tab.getAttribute('aria-selected')).toBe('true')
    expect(await tab.getAttribute('title')).toBe(
      'store, in the service store. It ends when Berth is closed or cut off.',
    )
    await window.waitForPrompt()
    await window.run('cat /data/rows && echo "from $PPID"')
    await window.waitForText('from 0')
    if (process.env.BERTH_SERVICE_PICTURE) {
      await window.page.getByRole('button', { name: 'New terminal in a service' }).click()
      await window.page.getByRole('menuitem', { name: 'store' }).waitFor()
      await berth.page.screenshot({ path: process.env.BERTH_SERVICE_PICTURE })
      await window.page.keyboard.press('Escape')
    }
    await window.tab('Details')
  })
})

describe('the data of a workspace', () => {
  it('shows its volumes, and a snapshot with where its source was', async () => {
    // With what it takes, which the engine tells.
    await section()
      .getByText(/used by store · [\d.]+ \w?B/)
      .waitFor()
    await section().getByRole('button', { name: 'Take a snapshot' }).click()
    await snapshots().first().waitFor({ timeout: 60_000 })
    expect(await snapshots().first().textContent()).toMatch(/ago|now.*main at [0-9a-f]{8}/)
  })

  it('is restored after a question that says what is lost, with a snapshot of that first', async () => {
    await section()
      .getByRole('button', { name: /^Restore/ })
      .click()
    const dialog = window.page.getByRole('dialog')
    await dialog.getByText('Replaced: what heights holds now.').waitFor()
    await dialog.getByText(/Stopped meanwhile.*store/).waitFor()
    await dialog.getByRole('button', { name: 'Restore', exact: true }).click()
    await expect.poll(() => snapshots().count()).toBe(2)
    if (process.env.BERTH_PICTURE) await berth.page.screenshot({ path: process.env.BERTH_PICTURE })
  })

  it('loses a snapshot that is deleted, and nothing else', async () => {
    await section()
      .getByRole('button', { name: /^Delete/ })
      .first()
      .click()
    await window.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => snapshots().count()).toBe(1)
    await section().getByText('used by store').waitFor()
  })

  it('outlives its workspace in a snapshot that the user keeps, and is found under Storage', async () => {
    await window.action('Delete…')
    const dialog = window.page.getByRole('dialog')
    await dialog.getByRole('checkbox', { name: 'Keep the snapshots of its data' }).click()
    await dialog.getByRole('button', { name: 'Delete for good' }).click()
    await window.page.getByText('Deleted tides').waitFor({ timeout: 60_000 })
    await window.go('Storage')
    const kept = window.page
      .getByRole('region', { name: 'Snapshots of deleted workspaces' })
      .getByRole('listitem')
    await kept.first().waitFor()
    expect(await kept.first().textContent()).toContain('of tides')
    await kept
      .first()
      .getByRole('button', { name: /^Delete/ })
      .click()
    await window.confirm('Delete')
    await expect.poll(() => kept.count()).toBe(0)
    expect(await docker.objects()).toEqual([])
  })
})
