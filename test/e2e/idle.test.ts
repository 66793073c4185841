import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'

/** Half of the shortest time there is passes before the warning. */
const WARNED = { timeout: 120_000 }

let docker: WindowDocker
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  docker = await startWindowDocker()
  home = await makeHome({ idle: { minutes: 1, whileClosed: false } })
  berth = await launchBerth({ env: docker.env, home })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await home?.dispose()
    await docker?.dispose()
  }
})

const banner = () => window.page.getByRole('region', { name: 'Stops soon' })

describe('a workspace that is stopped by itself', () => {
  it('is made as the settings say, and the form shows that', async () => {
    await window.giveSource(TEST_IMAGES.debian)
    await window.page.getByRole('button', { name: 'More options' }).click()
    const choice = window.page.getByRole('combobox', { name: 'Stop by itself' })
    await expect.poll(() => choice.inputValue()).toBe('After 1 minute idle')
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.waitForState('Running')
    expect(await banner().count()).toBe(0)
  })

  it('warns with a countdown that says what was done last, and typing ends that', async () => {
    await window.openTerminal()
    await window.run('echo here')
    await window.waitForText('here')
    await banner().waitFor(WARNED)
    expect(await banner().textContent()).toMatch(
      /Stops in 0:[0-5]\d[\s\S]*Nothing since .*Last: (?:typed in|output of) /,
    )
    await window.run('echo still here')
    await banner().waitFor({ state: 'detached' })
  })

  it('can be kept from the warning, and its details say until when', async () => {
    await banner().waitFor(WARNED)
    await banner().getByRole('button', { name: 'Keep for 1 hour' }).click()
    await banner().waitFor({ state: 'detached' })
    await window.tab('Details')
    const activity = window.page.getByRole('region', { name: 'Activity' })
    await activity.getByText(/Kept until/).waitFor()
    await activity.getByText(/^Typed in /).waitFor()
  })

  it('is not stopped any more once that is switched off', async () => {
    await window.page.getByRole('combobox', { name: 'Stop by itself' }).click()
    await window.page.getByRole('option', { name: 'Never' }).click()
    await window.page.getByText(/Kept until/).waitFor({ state: 'detached' })
    await window.waitForState('Running')
  })
})
