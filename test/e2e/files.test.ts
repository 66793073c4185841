import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { type BerthApp, launchBerth, tellMain, windowUser } from './launch'

let docker: WindowDocker
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage
/** Files of the window's user. */
let own: string

const time = new Date('2021-02-03T04:05:06Z')
/** One pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='

beforeAll(async () => {
  docker = await startWindowDocker(['debian'])
  berth = await launchBerth({ env: docker.env })
  window = new BerthPage(berth.page)
  own = join(berth.home, 'own')
  await mkdir(join(own, 'tree/sub'), { recursive: true })
  await mkdir(join(own, 'downloads'))
  await writeFile(join(own, 'notes.txt'), 'high water 14:32\n')
  await writeFile(join(own, 'pixel.png'), Buffer.from(png, 'base64'))
  await writeFile(join(own, 'tree/sub/deep.txt'), 'deep', { mode: 0o640 })
  await utimes(join(own, 'tree/sub/deep.txt'), time, time)
  await (await windowUser()).own(own)
  await window.create(TEST_IMAGES.debian, 'hold')
  await window.waitForState('Running')
  await window.tab('Files')
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await docker?.dispose()
  }
})

/** What the next dialog of the system answers. */
const choose = (...paths: string[]) =>
  tellMain(
    berth,
    ({ dialog }, filePaths) => {
      dialog.showOpenDialog = async () => ({ canceled: filePaths.length === 0, filePaths })
    },
    paths,
  )
const rows = () => window.page.getByRole('list', { name: 'Files' })
const row = (name: string) => rows().getByRole('listitem').filter({ hasText: name })
const open = (name: string) => row(name).locator('button').first()
/** What has the keyboard, by its label. */
const focused = () =>
  window.page.evaluate(() => {
    const { activeElement: one } = document
    return one instanceof HTMLInputElement ? one.labels?.[0]?.textContent : one?.getAttribute('aria-label')
  })
const transfers = () => window.page.getByRole('region', { name: 'Transfers' })

/** As a person does it, with files of this machine. */
async function drop(...files: string[]): Promise<void> {
  const session = await berth.page.context().newCDPSession(berth.page)
  const box = await window.page.getByRole('tabpanel', { name: 'Files' }).boundingBox()
  const at = { x: (box?.x ?? 0) + 200, y: (box?.y ?? 0) + 200 }
  const data = { items: [], files, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...at, data })
  await window.page.getByText('Drop to upload to /workspaces/debian').waitFor()
  await session.send('Input.dispatchDragEvent', { type: 'drop', ...at, data })
  await session.detach()
}

describe('files of a workspace', () => {
  it('are uploaded by the button, and shown', async () => {
    await window.page.getByRole('heading', { name: 'This folder is empty' }).waitFor()
    await choose(join(own, 'notes.txt'))
    await window.page.getByRole('button', { name: 'Upload' }).click()
    await window.page.getByRole('menuitem', { name: 'Files…' }).click()
    await transfers().getByText('Uploaded 17 B, 1 file').waitFor()
    await open('notes.txt').click()
    await window.page
      .getByRole('region', { name: 'Preview of notes.txt' })
      .getByText('high water 14:32')
      .waitFor()
  })

  it('are uploaded by dropping them, folders as well, and pictures are shown', async () => {
    await drop(join(own, 'tree'), join(own, 'pixel.png'))
    await transfers().getByText('Uploaded 74 B, 2 files').waitFor()
    await open('pixel.png').click()
    const picture = window.page.getByRole('img', { name: 'pixel.png' })
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1)
    await window.page.getByRole('button', { name: 'Close the preview' }).click()
    await open('tree').click()
    await open('sub').click()
    await row('deep.txt').waitFor()
    await window.page
      .getByRole('navigation', { name: 'Folder' })
      .getByRole('button', { name: 'debian' })
      .click()
    await row('pixel.png').waitFor()
  })

  it('are gone through, renamed and made by the keyboard', async () => {
    await open('tree').focus()
    await window.page.keyboard.press('End')
    await expect
      .poll(() => open('pixel.png').evaluate((button) => button === document.activeElement))
      .toBe(true)
    await window.page.keyboard.press('ArrowUp')
    await window.page.keyboard.press('F2')
    const dialog = window.page.getByRole('dialog', { name: 'Rename notes.txt' })
    await dialog.getByLabel('Name').fill('pixel.png')
    await dialog.getByText('Something in this folder has that name.').waitFor()
    await dialog.getByLabel('Name').fill('tides.txt')
    await window.page.keyboard.press('Enter')
    await row('tides.txt').waitFor()
    await window.page.getByRole('button', { name: 'New folder' }).press('Enter')
    await expect.poll(focused).toBe('Name')
    await window.page.keyboard.type('charts')
    await window.page.keyboard.press('Enter')
    await row('charts').waitFor()
    await open('charts').press('Enter')
    await window.page.getByRole('heading', { name: 'This folder is empty' }).waitFor()
    // The row that had the keyboard is gone.
    await expect.poll(focused).toBe('Files of the folder')
    await window.page.keyboard.press('Backspace')
    await expect.poll(() => open('charts').evaluate((button) => button === document.activeElement)).toBe(true)
  })

  it('are downloaded with permissions and times, and nothing here is replaced', async () => {
    await choose(join(own, 'downloads'))
    for (const expected of ['tree', 'tree 2']) {
      await row('tree').getByRole('button', { name: 'Actions for tree' }).click()
      await window.page.getByRole('menuitem', { name: 'Download…' }).click()
      await expect.poll(() => readdir(join(own, 'downloads'))).toContain(expected)
    }
    const deep = join(own, 'downloads/tree/sub/deep.txt')
    expect(await readFile(deep, 'utf8')).toBe('deep')
    const facts = await stat(deep)
    expect([facts.mode & 0o777, facts.mtime]).toEqual([0o640, time])
    expect((await readdir(join(own, 'downloads'))).sort()).toEqual(['tree', 'tree 2'])
  })

  it('are replaced only where the user says so', async () => {
    await writeFile(join(own, 'tides.txt'), 'low water 20:45\n')
    await choose(join(own, 'tides.txt'))
    const upload = async (answer: string) => {
      await window.page.getByRole('button', { name: 'Upload' }).click()
      await window.page.getByRole('menuitem', { name: 'Files…' }).click()
      await window.page.getByRole('dialog', { name: '“tides.txt” is there already' }).waitFor()
      await window.confirm(answer)
    }
    await upload('Keep both')
    await row('tides 2.txt').waitFor()
    await upload('Replace')
    await expect.poll(() => transfers().getByText('Uploaded 16 B, 1 file').count()).toBe(2)
    await open('tides.txt').click()
    await window.page
      .getByRole('region', { name: 'Preview of tides.txt' })
      .getByText('low water 20:45')
      .waitFor()
  })

  it('are deleted when the user is sure', async () => {
    for (const name of ['charts', 'tree', 'tides 2.txt']) await row(name).getByRole('checkbox').check()
    await window.page
      .getByRole('toolbar', { name: 'Chosen files' })
      .getByRole('button', { name: 'Delete…' })
      .click()
    await window.page.getByRole('dialog').getByText('this cannot be undone').waitFor()
    await window.confirm('Delete')
    await expect.poll(() => rows().getByRole('listitem').count()).toBe(2)
  })
})
