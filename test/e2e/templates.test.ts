import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as Electron from 'electron'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome, tellMain } from './launch'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
let home: Home
let berth: BerthApp
let window: BerthPage
let repository: Repository
pictureFailures(() => berth)

beforeAll(async () => {
  docker = await startWindowDocker(['debian'])
  repository = await makeRepository('house', {
    'src/own/devcontainer-template.json': JSON.stringify({
      id: 'own',
      version: '2.0.0',
      name: 'House style',
      description: 'As we do it here',
      options: { loud: { type: 'boolean', description: 'Say it loud', default: false } },
    }),
    'src/own/.devcontainer/devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      containerEnv: { LOUD: '${templateOption:loud}' },
    }),
    'src/bad/devcontainer-template.json': '{\n  "id": 7\n}',
  })
  home = await makeHome({
    imageAliases: { 'mcr.microsoft.com/devcontainers/python': `${TEST_IMAGES.debian}:latest` },
  })
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

const dialog = () => window.page.getByRole('dialog')
const cards = () => dialog().getByRole('list', { name: 'Templates' }).getByRole('listitem')
const card = (name: string) => dialog().getByRole('button', { name, exact: true })

/** In both looks, where `BERTH_PICTURES` names a folder. */
async function picture(name: string): Promise<void> {
  const folder = process.env.BERTH_PICTURES
  if (!folder) return
  for (const theme of ['light', 'dark'] as const) {
    await berth.page.evaluate(
      (wanted) => globalThis.window.berth.shell.call('shell.setTheme', { theme: wanted }),
      theme,
    )
    await berth.page.waitForFunction(
      (dark) => matchMedia('(prefers-color-scheme: dark)').matches === dark,
      theme === 'dark',
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
    await berth.page.screenshot({ path: join(folder, `${name}-${theme}.png`) })
  }
}

async function openGallery(): Promise<void> {
  await window.giveSource('')
  await window.page.getByRole('button', { name: 'Start from a template' }).click()
  await card('Web page').waitFor()
}

describe('templates', () => {
  it('are found by words, and a favourite comes first from then on', async () => {
    await openGallery()
    await picture('templates-gallery')
    expect(await cards().count()).toBe(11)
    await dialog().getByLabel('Search templates').fill('python data')
    await expect.poll(() => cards().count()).toBe(2)
    await dialog().getByLabel('Search templates').fill('nothing at all')
    await dialog().getByText('No template has to do with').waitFor()
    await dialog().getByLabel('Search templates').fill('')
    const star = dialog().getByRole('button', { name: 'Web page is a favourite' })
    await star.click()
    await expect.poll(() => star.getAttribute('aria-pressed')).toBe('true')
    await expect.poll(() => cards().first().textContent()).toContain('Web page')
  })

  it('are chosen and left by the keyboard alone', async () => {
    const { keyboard } = window.page
    await dialog().getByLabel('Search templates').focus()
    await keyboard.press('ArrowDown')
    expect(await card('Web page').evaluate((one) => one === document.activeElement)).toBe(true)
    await keyboard.press('ArrowRight')
    expect(await card('C++').evaluate((one) => one === document.activeElement)).toBe(true)
    await keyboard.press('Enter')
    await dialog().getByRole('heading', { name: 'C++' }).waitFor()
    await keyboard.press('Enter')
    await dialog().getByLabel('Search templates').fill('web page')
    await keyboard.press('Enter')
    await dialog().getByRole('heading', { name: 'Web page' }).waitFor()
  })

  it('become a repository with what was chosen, and a workspace comes up from it', async () => {
    const text = dialog().getByRole('region', { name: 'Text of .devcontainer/devcontainer.json' })
    await expect.poll(() => text.textContent()).toContain('python:3.13-bookworm')
    await dialog().getByLabel('Version of Python, which serves the page').click()
    await window.page.getByRole('option', { name: '3.12' }).click()
    await expect.poll(() => text.textContent()).toContain('python:3.12-bookworm')
    await dialog().getByLabel('Title of the page').fill('Tides of June')
    await window.page.keyboard.press('Tab')
    await picture('templates-form')
    await dialog().getByRole('button', { name: 'site/index.html' }).click()
    const page = dialog().getByRole('region', { name: 'Text of site/index.html' })
    await expect.poll(() => page.textContent()).toContain('<title>Tides of June</title>')
    await dialog().getByLabel('Name of the repository').fill('tides')
    const answer = ({ dialog: system }: Pick<typeof Electron, 'dialog'>, path: string) => {
      system.showOpenDialog = async () => ({ canceled: false, filePaths: [path] })
    }
    await tellMain(berth, answer, home.path)
    await dialog().getByRole('button', { name: 'Choose…' }).click()
    await expect.poll(() => dialog().getByLabel('In the folder').inputValue()).toBe(home.path)
    await dialog().getByRole('button', { name: 'New repository' }).click()
    await dialog().waitFor({ state: 'detached' })

    const folder = join(home.path, 'tides')
    await expect.poll(() => window.sourceField().inputValue()).toBe(folder)
    expect(await readFile(join(folder, 'site/index.html'), 'utf8')).toContain('<h1>Tides of June</h1>')
    expect(await readFile(join(folder, '.devcontainer/devcontainer.json'), 'utf8')).toContain('python:3.12')
    const head = await readFile(join(folder, '.git/HEAD'), 'utf8')
    expect(head).toBe('ref: refs/heads/main\n')
    await window.preview().getByText('.devcontainer/devcontainer.json').first().waitFor()
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.waitForState('Running')
    await window.tab('Ports')
    await window.port(8000).getByText('8000-tides.localhost').first().waitFor({ timeout: 60_000 })
  })

  it('are refused a folder that is not empty, which is said where it was asked', async () => {
    await openGallery()
    await card('Plain').click()
    await dialog().getByLabel('Name of the repository').fill('tides')
    await dialog().getByRole('button', { name: 'New repository' }).click()
    await dialog().getByText('is not empty').first().waitFor()
    await window.page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
  })

  it('come from repositories too, each with its commit, and a wrong one hides no other', async () => {
    await window.go('Settings')
    const section = window.page.getByRole('region', { name: 'Templates' })
    const field = section.getByLabel('Git URL of a repository of templates')
    await field.fill('/nowhere at all')
    await section.getByRole('button', { name: 'Add' }).click()
    await section.getByRole('alert').waitFor()
    await field.fill(repository.url)
    await section.getByRole('button', { name: 'Add' }).click()
    const commit = (
      await command('git', [
        '-c',
        'safe.directory=*',
        '-C',
        fileURLToPath(repository.url),
        'rev-parse',
        'HEAD',
      ])
    ).slice(0, 8)
    await section.getByText(`1 template, commit ${commit}`).waitFor()
    await section.getByText('line 2').first().waitFor()
    await section.scrollIntoViewIfNeeded()
    await picture('templates-settings')
    await openGallery()
    await card('House style').waitFor()
    await dialog().getByText('src/bad/devcontainer-template.json').first().waitFor()
    await window.page.keyboard.press('Escape')
  })

  it('give a definition to a source that has none', async () => {
    const bare = await makeRepository('bare', { 'README.md': 'Nothing else' })
    try {
      await window.giveSource(bare.url)
      await window.page.getByRole('button', { name: 'Use a template' }).click()
      await card('House style').click()
      await dialog().getByRole('switch', { name: 'Say it loud' }).click()
      await dialog().getByRole('button', { name: 'Use for this source' }).click()
      await dialog().waitFor({ state: 'detached' })
      const offer = window.page.getByRole('region', { name: 'Proposed definition' })
      await offer.getByText('Your definition is used').waitFor()
      await offer.getByRole('button', { name: 'Edit' }).click()
      const text = await offer.getByLabel('Text of the definition, a devcontainer.json').inputValue()
      expect(JSON.parse(text)).toEqual({ image: TEST_IMAGES.debian, containerEnv: { LOUD: 'true' } })
    } finally {
      await bare.dispose()
    }
  })
})
