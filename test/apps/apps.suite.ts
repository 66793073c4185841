import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import { launchBrowser, type OpenedPage, openPage, untilOk } from '../harness/browser'
import type { TestEngine } from '../ports/engine'
import { APPS_IMAGE } from './image'

/** Where the apps run: an engine whose target has their image. */
export interface AppsPlace {
  readonly test: TestEngine
  /** Absent: the engine's only target. */
  readonly targetId?: string
  dispose(): Promise<void>
}

/** What has to work wherever a workspace is: apps that care about Host and Origin, in a real Chromium. */
export function testApps(open: () => Promise<AppsPlace>): void {
  let place: AppsPlace
  let test: TestEngine
  let workspace: Workspace
  let browser: Browser
  const opened: OpenedPage[] = []

  beforeAll(async () => {
    place = await open()
    test = place.test
    const { targetId } = place
    workspace = await test.create({
      source: { kind: 'image', image: APPS_IMAGE },
      ...(targetId !== undefined && { targetId }),
    })
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await place?.dispose()
  })

  async function write(path: string, content: string): Promise<void> {
    const process = await test.engine.links
      .get(workspace.id)
      .exec({ command: ['sh', '-c', 'cat >"$1"', 'sh', path] })
    process.stdin.end(content)
    process.stdout.resume()
    process.stderr?.resume()
    expect((await process.exit).code).toBe(0)
  }

  /** The URL of an app, once something listens. */
  async function urlOf(port: number): Promise<string> {
    const found = await waitFor(
      test.engine.collections.ports,
      `${workspace.id}:${port}`,
      (record) => record?.state === 'live' && record.forward?.url !== undefined,
      AbortSignal.timeout(60_000),
    )
    const loopback = ['127.0.0.1', '::1']
    expect(found?.listeners.filter(({ address }) => !loopback.includes(address))).toEqual([])
    return found?.forward?.url ?? ''
  }

  async function show(url: string, ready: (page: Page) => Locator): Promise<OpenedPage> {
    const page = await openPage(browser, url, ready)
    opened.push(page)
    return page
  }

  it('Streamlit: a widget goes to Python and back, and a file is uploaded', async () => {
    await write(
      '/tmp/app.py',
      `import streamlit as st
name = st.text_input('Name')
st.write(f'Hello {name.upper()}!')
file = st.file_uploader('File')
if file is not None:
    st.write(f'Got {len(file.getvalue())} bytes')
`,
    )
    await test.background(
      workspace.id,
      'exec /opt/apps/bin/streamlit run /tmp/app.py --server.address 127.0.0.1 --server.port 8501 --server.headless true --browser.gatherUsageStats false',
    )
    const url = await urlOf(8501)
    // Importing it takes as long as the machine needs. After that a page that does not come up is stuck.
    await untilOk(`${url}_stcore/health`)
    const { page, sockets } = await show(url, (shown) => shown.locator('[data-testid=stFileUploader] button'))
    const input = page.locator('[data-testid=stTextInput] input')
    await input.fill('berth')
    await input.press('Enter')
    await page.getByText('Hello BERTH!').waitFor()
    await page.locator('input[type=file]').setInputFiles({
      name: 'data.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(3_000_000),
    })
    await page.getByText('Got 3000000 bytes').waitFor()
    const address = new URL(url).host
    expect(sockets.some((socket) => socket.startsWith(`ws://${address}/_stcore/stream`))).toBe(true)
    await page.close()
  })

  it('Jupyter: a cell runs in its kernel', async () => {
    await test.run(workspace.id, 'mkdir', '-p', '/tmp/notebooks')
    await write(
      '/tmp/notebooks/test.ipynb',
      JSON.stringify({
        nbformat: 4,
        nbformat_minor: 5,
        metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
        cells: [
          {
            id: 'one',
            cell_type: 'code',
            source: 'print(6 * 70007)',
            metadata: {},
            outputs: [],
            execution_count: null,
          },
        ],
      }),
    )
    await test.background(
      workspace.id,
      'exec /opt/apps/bin/jupyter lab --allow-root --no-browser --ip 127.0.0.1 --port 8888 --ServerApp.root_dir=/tmp/notebooks --IdentityProvider.token=secret',
    )
    const url = await urlOf(8888)
    await untilOk(`${url}api/status?token=secret`)
    const { page, sockets } = await show(`${url}lab/tree/test.ipynb?token=secret`, (shown) =>
      shown.locator('.jp-Notebook .jp-CodeCell').first(),
    )
    const cell = page.locator('.jp-Notebook .jp-CodeCell').first()
    await page
      .getByText(/Python 3.*\| Idle/)
      .first()
      .waitFor({ timeout: 60_000 })
    await cell.locator('.cm-content').click()
    await page.keyboard.press('Shift+Enter')
    await page.locator('.jp-OutputArea-output', { hasText: '420042' }).waitFor({ timeout: 60_000 })
    const address = new URL(url).host
    expect(sockets.some((socket) => socket.startsWith(`ws://${address}/api/kernels/`))).toBe(true)
    await page.close()
  })

  it('Vite: an edit shows without a reload', async () => {
    await write(
      '/opt/vite/index.html',
      '<!doctype html><p id="message"></p><script type="module" src="/main.js"></script>',
    )
    await write('/opt/vite/message.js', "export const message = 'before'")
    await write(
      '/opt/vite/main.js',
      `import { message } from './message.js'
const show = (text) => { document.querySelector('#message').textContent = text }
show(message)
import.meta.hot.accept('./message.js', (fresh) => show(fresh.message))
`,
    )
    await test.background(workspace.id, 'cd /opt/vite && exec node node_modules/vite/bin/vite.js')
    const url = await urlOf(5173)
    await untilOk(url)
    const { page, sockets } = await show(url, (shown) => shown.getByText('before'))
    const address = new URL(url).host
    await expect.poll(() => sockets.some((socket) => socket.startsWith(`ws://${address}/`))).toBe(true)
    await page.evaluate(() => Object.assign(globalThis, { notReloaded: true }))
    await write('/opt/vite/message.js', "export const message = 'after'")
    await page.getByText('after').waitFor()
    expect(await page.evaluate(() => 'notReloaded' in globalThis)).toBe(true)
    await page.close()
  })

  it('Vite: comes back at the same address by itself after it was ended and started again', async () => {
    const url = await urlOf(5173)
    const { page } = await show(url, (shown) => shown.getByText('after'))
    await test.run(workspace.id, 'pkill', '-f', 'vite.js')
    await waitFor(
      test.engine.collections.ports,
      `${workspace.id}:5173`,
      (record) => record?.state === 'not-listening',
      AbortSignal.timeout(60_000),
    )
    await page.goto(url)
    await page.getByText('Nothing listens on port 5173').waitFor()
    await test.background(workspace.id, 'cd /opt/vite && exec node node_modules/vite/bin/vite.js')
    await page.getByText('after').waitFor()
    await page.close()
  })

  it('no page met an error of its own', () => {
    expect(opened.length).toBeGreaterThan(0)
    expect(opened.flatMap(({ errors }) => errors)).toEqual([])
  })
}
