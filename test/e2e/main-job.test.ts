import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PATIENCE } from '../harness/bounds'
import { launchBrowser, openPage } from '../harness/browser'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { askMain, type BerthApp, type Home, launchBerth, makeHome, processesOf, tellMain } from './launch'
import { Panes } from './panes'
import { makeRepository, type Repository } from './repository'

/** The port of the app in the workspace; it listens on the workspace's own 127.0.0.1 and nothing publishes it. */
const APP_PORT = 8501
const NAME = 'harbour'

let docker: WindowDocker
let repository: Repository
let home: Home
let berth: BerthApp
pictureFailures(() => berth)
let window: BerthPage
const panes = new Panes(() => window)

/**
 * One process for each connection. Browsers open connections in advance and send nothing over them for a while: one that
 * is served alone keeps everybody else waiting, by whatever way they come.
 */
const server = `
use strict; use warnings; use IO::Socket::INET;
$| = 1; $SIG{CHLD} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => ${APP_PORT}, Listen => 50, ReuseAddr => 1) or die "listen: $!";
print "app is up\\n";
while (my $client = $server->accept) {
  if (fork) { close $client; next }
  close $server;
  my $first = <$client>; my $host = '';
  while (my $line = <$client>) { $host = $1 if $line =~ /^host:\\s*(\\S+)/i; last if $line =~ /^\\r?\\n$/ }
  my $body = "<!doctype html><title>Harbour app</title><h1 id=where></h1><script>where.textContent = 'host ' + " . "'$host'" . "</script>";
  print $client "HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\nContent-Length: " . length($body) . "\\r\\nConnection: close\\r\\n\\r\\n$body";
  exit;
}
`

beforeAll(async () => {
  docker = await startWindowDocker()
  repository = await makeRepository(NAME, {
    '.devcontainer/devcontainer.json': JSON.stringify({
      name: 'Harbour',
      image: TEST_IMAGES.debian,
      remoteUser: 'dev',
      containerEnv: { HARBOUR: 'from the definition' },
      portsAttributes: { [APP_PORT]: { label: 'Harbour app', onAutoForward: 'silent' } },
      postCreateCommand: 'echo was here > ~/post-create && echo post-create has run',
      customizations: { vscode: { extensions: ['a.b'] } },
      shutdownAction: 'none',
    }),
    'app.pl': server,
    'README.md': '# Harbour\n',
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
    await docker?.dispose()
    await repository?.dispose()
  }
})

/** What a real browser shows at an address: the page once its script has run. */
async function browse(url: string): Promise<string> {
  const browser = await launchBrowser()
  try {
    const { page } = await openPage(browser, url, (shown) => shown.getByText(/^host /))
    return await page.content()
  } finally {
    await browser.close()
  }
}

describe('the main job', () => {
  it('begins with one field and the engine found', async () => {
    await window.page.getByRole('heading', { name: 'Give Berth a repository' }).waitFor()
    const target = window.page.getByRole('article', { name: 'default' })
    await target.getByText('Ready').waitFor()
    expect(await target.textContent()).toContain('Docker 20.10')
  })

  it('tells what the workspace is going to be before it is made', async () => {
    await window.sourceField().fill(repository.url)
    await window.page.getByRole('button', { name: 'Continue' }).click()
    await window.page.getByRole('heading', { name: 'New workspace' }).waitFor()
    expect(await window.sourceField().inputValue()).toBe(repository.url)
    const preview = window.preview()
    await preview.getByText(TEST_IMAGES.debian).waitFor()
    const text = await preview.textContent()
    expect(text).toContain('.devcontainer/devcontainer.json')
    expect(text).toContain('dev')
    expect(text, 'what editors get is told').toContain('a.b')
    expect(text, 'what is not applied is named').toContain('shutdownAction')
    expect(await docker.objects(), 'nothing is made yet').toEqual([])
  })

  it('comes up with a timeline', async () => {
    await window.page.getByRole('button', { name: 'Create workspace' }).click()
    await window.steps().first().waitFor()
    await window.waitForState('Running')
    await window.page.getByRole('heading', { level: 1, name: NAME }).waitFor()
    expect(await docker.objects()).toEqual([
      expect.stringMatching(/^container berth-harbour$/),
      expect.stringMatching(/^volume berth-[a-z0-9]{10}-home$/),
      expect.stringMatching(/^volume berth-[a-z0-9]{10}-source$/),
    ])
  })

  it('has a terminal of the user, in the source, with its environment', async () => {
    await window.openTerminal()
    expect(await window.terminalTabs()).toHaveLength(1)
    await window.run('echo "$(id -un) $(pwd) $HARBOUR $(cat ~/post-create)" | tr a-z A-Z')
    await window.waitForText('DEV /WORKSPACES/HARBOUR FROM THE DEFINITION WAS HERE')
    await window.run('git status --short --branch | tr a-z A-Z; git log --oneline | wc -l')
    await window.waitForText('## MAIN')
  })

  it('shows an app that listens on 127.0.0.1 inside, and a browser opens it by Berth’s URL', async () => {
    await window.run('perl app.pl')
    await window.waitForText('app is up')
    await window.tab('Ports')
    const port = window.port(APP_PORT)
    await port.getByText('Live', { exact: true }).waitFor()
    expect(await port.textContent()).toContain('Harbour app')
    expect(await port.textContent()).toContain('on 127.0.0.1')
    const url = await port.getByTitle(/^Open http/).getAttribute('title')
    const address = (url ?? '').replace('Open ', '')
    expect(address).toMatch(new RegExp(`^http://${APP_PORT}-${NAME}\\.localhost:\\d+/$`))
    expect(await browse(address)).toContain(`host localhost:${APP_PORT}`)
    // The same by the raw local address.
    const local = /127\.0\.0\.1:\d+/.exec((await port.textContent()) ?? '')?.[0]
    expect(await browse(`http://${local}/`)).toContain('<title>Harbour app</title>')
  })

  it('opens the URL in the user’s browser, and nothing else', async () => {
    await tellMain(berth, ({ shell }) => {
      const opened: string[] = []
      Object.assign(globalThis, { opened })
      shell.openExternal = async (address) => void opened.push(address)
    })
    await window.port(APP_PORT).getByRole('button', { name: 'Open', exact: true }).click()
    await expect
      .poll(() => askMain(berth, () => (globalThis as unknown as { opened: string[] }).opened))
      .toEqual([expect.stringMatching(new RegExp(`^http://${APP_PORT}-${NAME}\\.localhost:\\d+/$`))])
  })

  it('says when the app is gone, and works again by itself when it is back', async () => {
    const port = window.port(APP_PORT)
    const address = ((await port.getByTitle(/^Open http/).getAttribute('title')) ?? '').replace('Open ', '')
    await window.tab('Terminals')
    await window.press('Control+C')
    await window.tab('Ports')
    await port.getByText('Nothing listens now').waitFor()
    await window.tab('Terminals')
    await window.run('perl app.pl')
    await window.tab('Ports')
    await port.getByText('Live', { exact: true }).waitFor()
    expect(await browse(address)).toContain(`host localhost:${APP_PORT}`)
  })

  it('keeps the terminal, exactly, when the window is loaded again', async () => {
    await window.tab('Terminals')
    await window.press('Control+C')
    await window.run(
      "clear; printf '\\033[1;32mgreen\\033[0m \\346\\227\\245\\346\\234\\254 end\\n'; seq 1 5",
    )
    await window.waitForText('green 日本 end')
    await window.waitForPrompt()
    const before = await window.terminalText()
    await window.page.reload()
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await window.waitForText('green 日本 end')
    await window.waitForPrompt()
    await expect.poll(() => window.terminalText()).toBe(before)
    await window.run('echo still $((40 + 2))')
    await window.waitForText('still 42')
  })

  it('keeps the terminal when the window is closed and Berth is started again', async () => {
    await window.run("marker=kept; clear; echo before clo''sing")
    await window.waitForText('before closing')
    await tellMain(berth, ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close())
    await expect.poll(() => berth.app.windows().length).toBe(0)
    const opened = berth.app.waitForEvent('window', { timeout: PATIENCE })
    const second = spawn(berth.start, [berth.folder], { env: { ...berth.env }, stdio: 'ignore' })
    const code = await new Promise((resolve) => second.once('exit', resolve))
    expect(code, 'the second start hands over to the first').toBe(0)
    window = new BerthPage(await opened)
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await window.waitForText('before closing')
    await window.run('echo $marker | tr a-z A-Z')
    await window.waitForText('KEPT')
    expect(await window.terminalTabs()).toHaveLength(1)
  })

  it('keeps the terminal when Berth is killed, and shows it again when it is back', async () => {
    await window.run("marker=alive; clear; echo before the ki''ll")
    await window.waitForText('before the kill')
    expect(await window.terminalTabs()).toHaveLength(1)
    berth.app.process().kill('SIGKILL')
    await expect.poll(() => processesOf(berth.home)).toEqual([])
    await berth.close()
    berth = await launchBerth({ env: docker.env, home })
    window = new BerthPage(berth.page)
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await window.waitForText('before the kill')
    expect(await window.terminalTabs()).toHaveLength(1)
    await window.run('echo $marker | tr a-z A-Z')
    await window.waitForText('ALIVE')
  })

  it('splits a tab, types into both terminals, and gives them room by keyboard and pointer', async () => {
    await window.press('Control+Shift+5')
    await expect
      .poll(() => panes.places())
      .toEqual([
        [0, 0, 50, 100],
        [50, 0, 50, 100],
      ])
    expect(await window.terminalTabs()).toHaveLength(1)
    await expect.poll(() => panes.focused()).toBe(1)
    await panes.waitForText(1, /\$$/)
    await panes.enter('echo here-$((40 + 2))')
    await panes.waitForText(1, 'here-42')
    await window.page.keyboard.press('Alt+ArrowLeft')
    await expect.poll(() => panes.focused()).toBe(0)
    await panes.enter('clear; echo there-$((40 + 2))')
    await panes.waitForText(0, 'there-42')
    expect(await panes.text(1)).not.toContain('there')

    await window.page.keyboard.press('Alt+Shift+ArrowRight')
    await expect.poll(() => panes.portion(0)).toBe(54)
    await panes.divider(0).focus()
    await window.page.keyboard.press('ArrowRight')
    await expect.poll(() => panes.portion(0)).toBe(56)
    await window.page.keyboard.press('Escape')
    await expect.poll(() => panes.focused()).toBe(0)
    await window.page.keyboard.press('Control+Shift+D')
    await expect
      .poll(() => panes.places())
      .toEqual([
        [0, 0, 56, 50],
        [0, 50, 56, 50],
        [56, 0, 44, 100],
      ])
    const box = await panes.divider(1).boundingBox()
    const whole = await panes.at(2).boundingBox()
    if (!box || !whole) throw new Error('There is no divider to drag')
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    await window.page.mouse.move(x, y)
    await window.page.mouse.down()
    await window.page.mouse.move(x, y + 10)
    await window.page.mouse.move(x, y + whole.height / 5)
    await window.page.mouse.up()
    await expect.poll(() => panes.portion(1)).toBe(70)
    await expect.poll(() => panes.focused()).toBe(1)
    await panes.waitForText(1, /\$$/)
  })

  it('has the terminals of a split tab where they were when the window is loaded again', async () => {
    // The program of one is told its size.
    await expect
      .poll(async () => {
        await panes.enter('clear; stty size')
        await panes.waitForText(1, /^\d+ \d+$/m)
        const rows = await panes.at(1).locator('.xterm-rows > div').count()
        return new RegExp(`^${rows} \\d+$`, 'm').test(await panes.text(1))
      })
      .toBe(true)
    const before = await panes.places()
    const front = () => window.page.locator('[data-pane][data-front]').getAttribute('data-pane')
    const inFront = await front()
    await window.page.reload()
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await expect.poll(() => panes.places()).toEqual(before)
    await expect.poll(front).toBe(inFront)
    await panes.waitForText(0, 'there-42')
    await panes.waitForText(2, 'here-42')

    // What is closed leaves its room and the keyboard to what is beside it.
    await panes.at(1).locator('.xterm-screen').click()
    await expect.poll(() => panes.focused()).toBe(1)
    await window.page.keyboard.press('Control+Shift+W')
    await expect
      .poll(() => panes.places())
      .toEqual([
        [0, 0, 56, 100],
        [56, 0, 44, 100],
      ])
    await expect.poll(() => panes.focused()).toBe(1)
    await panes.enter("sh -c 'echo up-$((40 + 2)); sleep 4321; true'")
    await panes.waitForText(1, 'up-42')
    await window.page.keyboard.press('Control+Shift+W')
    await window.page.getByRole('dialog').getByText('sleep 4321').waitFor()
    await window.confirm('Close terminal')
    await expect.poll(() => panes.places()).toEqual([[0, 0, 100, 100]])
    expect(await window.terminalTabs()).toHaveLength(1)
  })

  it('has its tabs in their order, split as they were, and the same one in front, when Berth is killed and is back', async () => {
    /** Session ids from left to right; of the selected one alone. */
    const tabs = async (selected = '') => {
      const found = await window.page.locator(`[data-tab]${selected}`).all()
      return Promise.all(found.map((tab) => tab.getAttribute('data-tab')))
    }
    const front = () => tabs(':has([aria-selected=true])')
    const [first] = await tabs()
    for (const count of [2, 3]) {
      await window.press('Control+Shift+T')
      await expect.poll(async () => (await tabs()).length).toBe(count)
      await window.waitForPrompt()
    }
    const [, second, third] = await tabs()
    // It comes to the front a moment after it is there, and can be split from then on.
    await expect.poll(front).toEqual([third])
    await window.press('Control+Shift+D')
    await expect.poll(async () => (await panes.places()).length).toBe(2)
    await panes.waitForText(1, /\$$/)
    const beneath = await panes.at(1).getAttribute('data-pane')
    await window.press('Alt+Shift+ArrowDown')
    await expect.poll(() => panes.portion(0)).toBe(54)
    const split = await panes.places()
    await window.press('Control+Shift+PageUp')
    await expect.poll(() => tabs()).toEqual([first, third, second])
    await window.press('Control+Shift+PageUp')
    await expect.poll(() => tabs()).toEqual([third, first, second])
    await window.press('Control+PageUp')
    await expect.poll(front).toEqual([second])
    // Written down, which it is a moment after a tab was chosen.
    await expect
      .poll(async () => JSON.parse(await readFile(join(home.path, '.local/state/berth/tabs.json'), 'utf8')))
      .toMatchObject({ arrangements: [{ front: second, order: [third, beneath, first, second] }] })
    berth.app.process().kill('SIGKILL')
    await expect.poll(() => processesOf(berth.home)).toEqual([])
    await berth.close()
    berth = await launchBerth({ env: docker.env, home })
    window = new BerthPage(berth.page)
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await expect.poll(() => tabs()).toEqual([third, first, second])
    await expect.poll(front).toEqual([second])
    await window.waitForPrompt()
    await window.page.locator(`[data-tab="${third}"] [role=tab]`).click()
    await expect.poll(() => panes.places()).toEqual(split)
    await panes.waitForText(1, /\$$/)
    await window.press('Control+Shift+W')
    await expect.poll(async () => (await panes.places()).length).toBe(1)
    await window.page.locator(`[data-tab="${first}"] [role=tab]`).click()
    await window.waitForPrompt()
    for (const left of [2, 1]) {
      await window.press('Control+Shift+W')
      await expect.poll(async () => (await tabs()).length).toBe(left)
    }
  })

  it('stops, keeping source and home, and starts again', async () => {
    await window.run('echo precious > ~/precious; echo changed >> README.md; echo saved | tr a-z A-Z')
    await window.waitForText('SAVED')
    await window.page.getByRole('button', { name: 'Stop', exact: true }).click()
    await window.confirm('Stop')
    await window.waitForState('Stopped')
    expect((await docker.docker('ps', '-q')).trim()).toBe('')
    await window.page.getByRole('button', { name: 'Start', exact: true }).first().click()
    await window.waitForState('Running')
    await window.openTerminal()
    await window.run('cat ~/precious README.md | tr a-z A-Z')
    await window.waitForText('PRECIOUS')
    await window.waitForText('CHANGED')
  })

  it('says before deleting what would be lost, and leaves nothing', async () => {
    await window.action('Delete…')
    const dialog = window.page.getByRole('dialog')
    await dialog.getByText('1 uncommitted change').waitFor()
    await window.confirm('Delete for good')
    await window.page.getByText(`Deleted ${NAME}`).first().waitFor()
    expect(await docker.objects()).toEqual([])
    expect((await docker.docker('ps', '-aq')).trim()).toBe('')
    expect((await docker.docker('volume', 'ls', '-q')).trim()).toBe('')
    await window.go('Workspaces')
    await window.page.getByRole('heading', { name: 'Give Berth a repository' }).waitFor()
  })
})
