import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'

const SECRET = 'of-this-computer'

let docker: WindowDocker
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  docker = await startWindowDocker()
  home = await makeHome()
  const helper = `!f() { [ $1 != get ] || { echo username=maria; echo password=${SECRET}; }; }; f`
  await writeFile(join(home.path, '.gitconfig'), `[credential]\n\thelper = "${helper}"\n`, { mode: 0o644 })
  berth = await launchBerth({ env: docker.env, home })
  window = new BerthPage(berth.page)
  await window.create(TEST_IMAGES.debian, 'lagoon')
  await window.waitForState('Running')
  await window.openTerminal()
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await docker?.dispose()
    await home?.dispose()
  }
})

const dialog = () => window.page.getByRole('dialog')
/** Has git ask for a login at a server. */
const ask = (word: string, host = 'git.example') =>
  window.run(
    `clear; until [ -x /tmp/berth-agent-$(id -u)/git-credential ]; do sleep 0.1; done; printf 'protocol=https\\nhost=${host}\\n\\n' | GIT_TERMINAL_PROMPT=0 git credential fill; echo ${word.slice(0, 2)}''${word.slice(2)}`,
  )

describe('a workspace that asks for git credentials', () => {
  it('is denied by a click, and says so', async () => {
    await ask('refused', 'other.example')
    await dialog().getByText('Let lagoon use your git credentials?').waitFor()
    await dialog().getByText('https://other.example').waitFor()
    await dialog().getByText('git credential fill').waitFor()
    // What is typed into a terminal when the question comes is no answer.
    await window.page.keyboard.press('Enter')
    await window.confirm('Deny')
    await window.waitForText('refused')
    const text = await window.terminalText()
    expect(text.replaceAll('\n', '')).toContain('that was denied on your computer')
    expect(text).not.toContain(SECRET)
  })

  it('is allowed for good, and that is seen and taken back in its details', async () => {
    await ask('granted')
    await dialog().getByText('Let lagoon use your git credentials?').waitFor()
    await window.confirm('Always for this workspace')
    await window.waitForText(`password=${SECRET}`)
    await ask('again')
    await window.waitForText('again')
    await window.waitForText(`password=${SECRET}`)
    expect(await dialog().count()).toBe(0)
    await window.tab('Details')
    await window.page.getByText('https://git.example').waitFor()
    await window.page.getByRole('button', { name: 'Ask again for https://git.example' }).click()
    await window.page.getByText('Allowed without a question').waitFor({ state: 'detached' })
    await window.tab('Terminals')
    await ask('anew')
    await dialog().getByText('Let lagoon use your git credentials?').waitFor()
    await window.confirm('Allow once')
    await window.waitForText(`password=${SECRET}`)
    expect(berth.log()).not.toContain(SECRET)
  })
})
