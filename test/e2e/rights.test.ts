import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
let home: Home
let berth: BerthApp
let repository: Repository
let window: BerthPage
pictureFailures(() => berth)

beforeAll(async () => {
  docker = await startWindowDocker()
  repository = await makeRepository('tracer', {
    '.devcontainer/devcontainer.json': JSON.stringify({
      name: 'Tracer',
      image: TEST_IMAGES.debian,
      capAdd: ['SYS_PTRACE'],
      runArgs: ['--security-opt', 'seccomp=unconfined', '--shm-size=80m'],
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
    await repository?.dispose()
    await docker?.dispose()
  }
})

/** Waits until the workspace in view says whether its processes may trace others. */
async function traces(answer: 'yes' | 'no'): Promise<void> {
  await window.openTerminal()
  await window.run(
    "m=$(grep CapBnd /proc/self/status | cut -f2); clear; [ $((0x$m >> 19 & 1)) = 1 ] && echo tr''aces: yes || echo tr''aces: no",
  )
  await window.waitForText(`traces: ${answer}`)
}

const asked = () =>
  window.page.getByRole('region', { name: /^The definition asks for power over the machine/ })
const consent = () => window.page.getByRole('checkbox', { name: /^Allow this/ })

describe('power over the machine', () => {
  it('is listed before anything is made, and not given without a yes', async () => {
    await window.giveSource(repository.url)
    await asked().getByText('The kernel capability SYS_PTRACE').waitFor()
    await asked().getByText('seccomp=unconfined').waitFor()
    expect(await consent().isChecked()).toBe(false)
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.waitForState('Running')
    await traces('no')
    await window.tab('Details')
    await window.page.getByText('capAdd SYS_PTRACE').waitFor()
  })

  it('is given by a rebuild in which it is allowed', async () => {
    await window.action('Rebuild…')
    const dialog = window.page.getByRole('dialog')
    await dialog.getByText('The kernel capability SYS_PTRACE').waitFor()
    // It gives the keyboard to one of its own first.
    await expect.poll(() => dialog.evaluate((one) => one.contains(document.activeElement))).toBe(true)
    await consent().focus()
    await window.page.keyboard.press('Space')
    expect(await consent().isChecked()).toBe(true)
    await window.confirm('Rebuild')
    // It runs for a moment more.
    await window.waitForState('Starting')
    await window.waitForState('Running')
    await window.page.getByText('capAdd SYS_PTRACE').waitFor({ state: 'detached' })
    await traces('yes')
  })

  it('is not allowed for another source by a yes to this one', async () => {
    await window.giveSource(repository.url)
    await consent().check()
    await window.sourceField().fill(`${repository.url}#main`)
    await asked().waitFor()
    expect(await consent().isChecked()).toBe(false)
  })
})
