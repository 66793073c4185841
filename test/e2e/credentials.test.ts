import { spawnSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../harness/command'
import type { BerthPage } from './berth-page'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, windowUser } from './launch'
import { openWorkspaceWindow, type WorkspaceWindow } from './workspace-window'

const SECRET = 'of-this-computer'

let opened: WorkspaceWindow
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  const helper = `!f() { [ $1 != get ] || { echo username=maria; echo password=${SECRET}; }; }; f`
  opened = await openWorkspaceWindow('lagoon', ({ path }) =>
    writeFile(join(path, '.gitconfig'), `[credential]\n\thelper = "${helper}"\n`, { mode: 0o644 }),
  )
  ;({ berth, home, window } = opened)
  await window.openTerminal()
})
afterAll(() => opened?.dispose())

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

const hasGpg = spawnSync('gpg', ['--version']).status === 0

describe.skipIf(!hasGpg)(`a workspace that signs by gpg${hasGpg ? '' : ' (skipped: no gpg here)'}`, () => {
  const gnupg = () => join(home.path, '.gnupg')
  const asUser = async (...line: string[]) => {
    const [program = '', ...args] = [...(await windowUser()).prefix, ...line]
    return command(program, args, { env: { ...process.env, HOME: home.path, GNUPGHOME: gnupg() } })
  }
  const sign = (message: string) =>
    window.run(
      `clear; git init -q ~/signed; git -C ~/signed -c user.name=Maria -c user.email=maria@example.com commit -q -S --allow-empty -m ${message}; git --no-pager -C ~/signed log --format='%s is %G?'; echo ov''er`,
    )
  beforeAll(async () => {
    await mkdir(gnupg(), { mode: 0o700 })
    await (await windowUser()).own(gnupg())
    const key = [
      '--passphrase',
      '',
      '--quick-gen-key',
      'Maria <maria@example.com>',
      'ed25519',
      'sign',
      'never',
    ]
    await asUser('gpg', '--batch', '--quiet', ...key)
  })
  afterAll(async () => void (await asUser('gpgconf', '--kill', 'gpg-agent')))

  it('asks, says what becomes known of it, and signs; it is allowed for good and taken back', async () => {
    await sign('One')
    await dialog().getByText('Let lagoon sign with your gpg key?').waitFor()
    await dialog().getByText('The public part of the key is put into gpg of the workspace').waitFor()
    await dialog().getByText('Maria <maria@example.com>').waitFor()
    await window.confirm('Always for this workspace')
    await window.waitForText('One is U')
    await window.waitForText('over')
    await window.tab('Details')
    await window.page.getByRole('button', { name: 'Ask again for gpg' }).click()
    await window.page.getByText('Allowed without a question').waitFor({ state: 'detached' })
    await window.tab('Terminals')
    await sign('Two')
    await dialog().waitFor()
    await window.confirm('Deny')
    await window.waitForText('over')
    const text = (await window.terminalText()).replaceAll('\n', '')
    expect(text).toContain('berth: no signature by gpg: that was denied on your computer')
    expect(text).not.toContain('Two is')
  })
})
