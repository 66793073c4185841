import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'
import { makeRepository } from './repository'

const SECRET = 'typed-1nto-the-window'

let docker: WindowDocker
let home: Home
let repository: Awaited<ReturnType<typeof makeRepository>>
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  docker = await startWindowDocker()
  repository = await makeRepository('asking', {
    '.devcontainer/devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      secrets: {
        API_TOKEN: {
          description: 'Lets the app read the tides.',
          documentationUrl: 'https://example.com/tokens',
        },
        OTHER_TOKEN: {},
      },
    }),
  })
  home = await makeHome()
  // No keychain answers there.
  berth = await launchBerth({
    env: { ...docker.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' },
    home,
  })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await repository?.dispose()
    await home?.dispose()
    await docker?.dispose()
  }
})

/** For whoever wants to look at it: `BERTH_PICTURES=<folder>`. */
async function picture(name: string): Promise<void> {
  const folder = process.env.BERTH_PICTURES
  if (folder) await window.page.screenshot({ path: `${folder}/${name}.png` })
}

describe('variables in the window', () => {
  it('are set in the settings; a secret is not where there is no keychain, and that is said', async () => {
    await window.go('Settings')
    const section = window.page.getByRole('region', { name: 'Variables and secrets' })
    const name = section.getByRole('textbox', { name: 'Name of a variable' })
    await name.fill('PATH')
    await section.getByRole('alert').getByText('PATH is set by the workspace itself.').waitFor()
    expect(await section.getByRole('button', { name: 'Add' }).isDisabled()).toBe(true)
    await name.fill('GREETING')
    await section.getByRole('textbox', { name: 'Value' }).fill('hello from the settings')
    await name.press('Enter')
    await section.getByText('hello from the settings').waitFor()
    await name.fill('HIDDEN')
    await section.getByRole('checkbox', { name: 'Secret' }).check()
    await section.getByLabel('Value').fill(SECRET)
    await section.getByRole('button', { name: 'Add' }).click()
    await section.getByText('The system’s keychain cannot be used').waitFor()
    await section.scrollIntoViewIfNeeded()
    await picture('settings')
    expect(await section.getByRole('button', { name: 'Remove HIDDEN' }).count()).toBe(0)
  })

  it('are asked for where the definition does, each with what it is for', async () => {
    await window.giveSource(repository.url)
    const group = window.page.getByRole('group', { name: 'Secrets that the definition asks for' })
    await group.getByText('Lets the app read the tides.').waitFor()
    await group.getByRole('button', { name: 'What API_TOKEN is' }).waitFor()
    await group.getByLabel('API_TOKEN', { exact: true }).fill(SECRET)
    await picture('create')
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.waitForState('Running')
    await window.openTerminal()
    await window.run('echo "<$GREETING> <${#API_TOKEN}>"')
    await window.waitForText(`<hello from the settings> <${SECRET.length}>`)
  })

  it('of a workspace are in its details, and new terminals have them', async () => {
    await window.tab('Details')
    const section = window.page.getByRole('region', { name: 'Variables of this workspace' })
    await section.getByRole('textbox', { name: 'Name of a variable' }).fill('GREETING')
    await section.getByRole('textbox', { name: 'Value' }).fill('of the workspace')
    await section.getByRole('button', { name: 'Add' }).click()
    await section.getByText(/New terminals of .* have it/).waitFor()
    await section.scrollIntoViewIfNeeded()
    await picture('details')
    await section.getByRole('button', { name: 'Remove GREETING' }).waitFor()
  })

  it('are in none of Berth’s logs', () => {
    expect(berth.log()).not.toContain(SECRET)
  })
})
