import { spawn } from 'node:child_process'
import { basename, dirname } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { launchBrowser, openPage, untilOk } from '../harness/browser'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from '../ports/engine'
import { layOutCodeServer } from './code-server'

const LIMIT = { interval: 250 }

let test: TestEngine
let workspace: Workspace
let browser: Browser
let page: Page

beforeAll(async () => {
  const folder = await layOutCodeServer()
  await ensureImages(['debian'])
  test = await startEngine()
  workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
  const tar = spawn('tar', ['-c', '-C', dirname(folder), basename(folder)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await test.engine.links.get(workspace.id).write('/opt', tar.stdout, new AbortController().signal)
  await test.run(
    workspace.id,
    'ln',
    '-s',
    `/opt/${basename(folder)}/bin/code-server`,
    '/usr/local/bin/code-server',
  )
  await test.run(
    workspace.id,
    'sh',
    '-c',
    'mkdir -p "$1" && echo "first line" > "$1/notes.txt"',
    'sh',
    workspace.definition.workspaceFolder,
  )
  browser = await launchBrowser()
}, 15 * 60_000)
afterAll(async () => {
  await browser?.close()
  await test?.dispose()
})

const fileOf = (name: string) => `${workspace.definition.workspaceFolder}/${name}`
const read = (path: string) => test.run(workspace.id, 'sh', '-c', 'cat "$1" 2>/dev/null || true', 'sh', path)

/** By the name that the palette shows. */
async function runCommand(name: string): Promise<void> {
  await page.keyboard.press('F1')
  const input = page.locator('.quick-input-widget input').first()
  await input.waitFor()
  await input.fill(`>${name}`)
  await page.locator('.quick-input-list .monaco-list-row').filter({ hasText: name }).first().click()
}

describe('code-server in a workspace', () => {
  it('is opened at its URL, with the folder of the workspace', async () => {
    const { url = '' } = await test.engine.call('access.open', {
      workspaceId: workspace.id,
      opener: 'browser',
    })
    await untilOk(url)
    const opened = await openPage(browser, url, (shown) => shown.locator('.monaco-workbench'))
    page = opened.page
    const trust = page.getByRole('button', { name: /Yes, I trust/ })
    const file = page.locator('.explorer-folders-view').getByText('notes.txt')
    await trust.or(file).first().waitFor()
    if (await trust.isVisible()) await trust.click()
    await file.waitFor()
    await expect.poll(() => opened.sockets.length, LIMIT).toBeGreaterThan(0)
  })

  it('edits a file and saves it', async () => {
    await page.locator('.explorer-folders-view').getByText('notes.txt').dblclick()
    const editor = page.locator('.editor-instance .view-lines').first()
    await editor.getByText('first line').waitFor()
    await editor.click()
    await page.keyboard.press('Control+End')
    await page.keyboard.type('typed in the browser')
    await page.keyboard.press('Control+S')
    await expect.poll(() => read(fileOf('notes.txt')), LIMIT).toContain('typed in the browser')
  })

  it('has a terminal in the workspace', async () => {
    await runCommand('Terminal: Create New Terminal')
    const terminal = page.locator('.terminal-wrapper.active .xterm-helper-textarea')
    await terminal.waitFor({ state: 'attached' })
    await terminal.focus()
    await expect
      .poll(async () => {
        await page.keyboard.type('hostname > from-the-terminal\n')
        return read(fileOf('from-the-terminal'))
      }, LIMIT)
      .toContain(await test.run(workspace.id, 'hostname'))
  })
})
