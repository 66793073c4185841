// The pictures of the documentation: the real window over a real engine, with a real workspace. `npm run screenshots`.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../scripts/setup/folders.mjs'
import { layOutApplication } from '../harness/application'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker } from './engine'
import { type BerthApp, launchBerth, makeHome } from './launch'
import { Panes } from './panes'
import { makeRepository } from './repository'

const folder = join(root, 'docs', 'screenshots')
/** In device-independent pixels; the pictures have twice as many each way. */
const size = { width: 1180, height: 700 }

const app = `
import http.server
page = b"<!doctype html><title>Tides</title><h1>High water 14:32</h1>"
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(page)
print("Tides is at http://127.0.0.1:8501", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", 8501), Page).serve_forever()
`

/** Each picture in light and in dark. */
async function picture(berth: BerthApp, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await berth.page.evaluate((wanted) => window.berth.shell.call('shell.setTheme', { theme: wanted }), theme)
    await berth.page.waitForFunction(
      (dark) => matchMedia('(prefers-color-scheme: dark)').matches === dark,
      theme === 'dark',
    )
    // Colours fade over into the other theme's.
    await new Promise((resolve) => setTimeout(resolve, 500))
    await berth.page.screenshot({ path: join(folder, `${name}-${theme}.png`), scale: 'device' })
    console.error(`${name}-${theme}.png`)
  }
}

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true })
  await ensureImages()
  const removeApplication = await layOutApplication()
  const docker = await startWindowDocker()
  const repository = await makeRepository('tides', {
    '.devcontainer/devcontainer.json': JSON.stringify({
      name: 'Tides',
      image: TEST_IMAGES.debian,
      remoteUser: 'dev',
      portsAttributes: { 8501: { label: 'Tides', onAutoForward: 'silent' } },
      postCreateCommand: 'for part in charts gauges forecasts; do echo "Fetching $part"; sleep 2; done',
      waitFor: 'postCreateCommand',
    }),
    'app.py': app,
    'README.md': '# Tides\n\nWhen the water comes.\n',
    'charts/north.csv': 'time,height\n',
    'charts/south.csv': 'time,height\n',
  })
  const home = await makeHome()
  const flags = ['--force-device-scale-factor=2']
  try {
    const unreachable = await launchBerth({
      home,
      size,
      args: flags,
      env: { DOCKER_HOST: `unix://${home.path}/docker.sock` },
    })
    try {
      await unreachable.page.getByText('Does not answer').first().waitFor()
      await picture(unreachable, 'unreachable')
    } finally {
      await unreachable.close()
    }

    const berth = await launchBerth({ home, size, args: flags, env: docker.env })
    try {
      const window = new BerthPage(berth.page)
      await window.page.getByText('Ready').first().waitFor()
      await picture(berth, 'first-run')

      await window.giveSource(repository.url)
      await window.preview().getByText(TEST_IMAGES.debian).waitFor()
      await picture(berth, 'new-workspace')
      await window.page.getByRole('button', { name: 'Create workspace' }).click()
      await window.page.getByText('Fetching gauges').first().waitFor()
      await picture(berth, 'timeline')
      await window.waitForState('Running')

      await window.openTerminal()
      await window.run(
        'clear; git --no-pager log --oneline --decorate --color=always; ls --color=always -l . charts',
      )
      await window.waitForText('south.csv')
      await window.waitForPrompt()
      await window.run('python3 app.py')
      await window.waitForText('Tides is at')
      await picture(berth, 'terminal')

      const panes = new Panes(() => window)
      await window.page.keyboard.press('Control+Shift+Digit5')
      await panes.at(1).locator('.xterm-rows').getByText('$').first().waitFor()
      await panes.enter('curl -s http://127.0.0.1:8501; echo')
      await panes.at(1).locator('.xterm-rows').getByText('High water').first().waitFor()
      await window.page.keyboard.press('Control+Shift+KeyD')
      await panes.at(2).locator('.xterm-rows').getByText('$').first().waitFor()
      await panes.enter('git --no-pager show --stat --oneline')
      await panes.at(2).locator('.xterm-rows').getByText('changed').first().waitFor()
      await picture(berth, 'split')

      await window.tab('Ports')
      await window.port(8501).getByText('Live', { exact: true }).waitFor()
      await picture(berth, 'ports')
      await window.tab('Files')
      await window.page
        .getByRole('button', { name: /app\.py/ })
        .first()
        .click()
      await window.page.getByText('import http.server').waitFor()
      await picture(berth, 'files')
      await window.go('Workspaces')
      await window.page.getByRole('list', { name: 'Workspaces' }).waitFor()
      await picture(berth, 'workspaces')
      await window.go('Targets')
      await window.page.getByText('Ready').first().waitFor()
      await picture(berth, 'targets')

      await window.giveSource(repository.url)
      await window.preview().getByRole('button', { name: 'Prebuild…' }).click()
      await window.page.getByRole('button', { name: 'Make the prebuild' }).click()
      await window.preview().getByText('There is one, made').waitFor({ timeout: 120_000 })
      await window.go('Storage')
      await window.page.getByRole('button', { name: /anew$/ }).waitFor()
      await picture(berth, 'storage')

      await window.create('https://127.0.0.1:9/owner/repository.git')
      await window.page.getByRole('alert').first().waitFor()
      await picture(berth, 'failed')
    } finally {
      await berth.close()
    }
  } finally {
    await docker.dispose()
    await repository.dispose()
    await home.dispose()
    await removeApplication()
  }
}

await main()
