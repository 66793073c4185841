import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../harness/command'
import type { BerthPage } from './berth-page'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, windowUser } from './launch'
import { openWorkspaceWindow, type WorkspaceWindow } from './workspace-window'

const NAME = 'quay'

let opened: WorkspaceWindow
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage

beforeAll(async () => {
  opened = await openWorkspaceWindow(NAME, async ({ path }) => {
    // Stands for the editor: it writes down what it was started with.
    const programs = join(path, '.local', 'bin')
    await mkdir(programs, { recursive: true })
    const told = join(path, 'told')
    await writeFile(
      join(programs, 'code'),
      `#!/bin/sh\nprintf '%s\\n' "$@" > ${told}.part && mv ${told}.part ${told}\n`,
    )
    await chmod(join(programs, 'code'), 0o755)
    await (await windowUser()).own(join(path, '.local'))
  })
  ;({ berth, home, window } = opened)
})
afterAll(() => opened?.dispose())

const menu = () => window.page.getByRole('button', { name: 'Open in' })
const config = () => readFile(join(home.path, '.ssh', 'config'), 'utf8').catch(() => undefined)

describe('Open in', () => {
  it('asks before it changes what SSH knows, and takes no for an answer', async () => {
    await menu().click()
    await window.page.getByRole('menuitem', { name: 'VS Code' }).click()
    const dialog = window.page.getByRole('dialog')
    await dialog.getByText('Include "').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'hidden' })
    expect(await config()).toBeUndefined()
  })

  it('opens the folder in an editor, over SSH that works', async () => {
    await menu().click()
    await window.page.getByRole('menuitem', { name: 'VS Code' }).click()
    await window.page.getByRole('button', { name: 'Add the line and open' }).click()
    const told = () => readFile(join(home.path, 'told'), 'utf8').catch(() => undefined)
    await expect
      .poll(told)
      .toMatch(new RegExp(`^--folder-uri\\nvscode-remote://ssh-remote\\+${NAME}\\.berth/workspaces/`))
    const { prefix } = await windowUser()
    const [program = 'ssh', ...args] = [...prefix, 'ssh']
    const file = join(home.path, '.ssh', 'config')
    const said = await command(program, [...args, '-F', file, `${NAME}.berth`, 'echo here'], {
      env: { ...process.env, ...opened.docker.env, HOME: home.path },
    })
    expect(said.trim()).toBe('here')
  })

  it('says that there is no editor for the browser in the workspace', async () => {
    await menu().click()
    await window.page.getByRole('menuitem', { name: 'Editor in the browser' }).click()
    await window.page.getByText(`${NAME} has no editor for the browser`).waitFor()
  })

  it('is undone in the settings', async () => {
    await window.go('Settings')
    const known = window.page.getByRole('switch', { name: 'Let SSH know workspaces' })
    await expect.poll(() => known.isChecked()).toBe(true)
    await known.click({ force: true })
    await expect.poll(config).toBeUndefined()
    await expect.poll(() => known.isChecked()).toBe(false)
  })
})
