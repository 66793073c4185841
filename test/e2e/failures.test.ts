import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { pictureFailures } from './failure-picture'
import { askMain, type BerthApp, type Home, launchBerth, makeHome, processesOf, tellMain } from './launch'
import { makeRepository, type Repository } from './repository'

let docker: WindowDocker
beforeAll(async () => {
  docker = await startWindowDocker()
})
afterAll(() => docker?.dispose())

const engineProcess = (berth: BerthApp) =>
  askMain(berth, ({ app }) => app.getAppMetrics().find(({ name }) => name === 'Berth engine')?.pid)

describe('an engine that is not there', () => {
  let folder: string
  let berth: BerthApp
  pictureFailures(() => berth)
  let proxy: Server | undefined
  const sockets = new Set<Socket>()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'berth-dead-'))
    await command('chmod', ['755', folder])
    berth = await launchBerth({ env: { DOCKER_HOST: `unix://${folder}/docker.sock` } })
  })
  afterAll(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => (proxy ? proxy.close(() => resolve()) : resolve()))
    await berth?.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('is a card with cause and remedy, in a window that works', async () => {
    const window = new BerthPage(berth.page)
    await window.page.getByRole('heading', { name: 'Give Berth a repository' }).waitFor()
    const card = window.page.getByRole('article', { name: 'default' })
    await card.getByText('Does not answer').waitFor()
    const problem = card.getByRole('alert')
    expect(await problem.textContent()).toMatch(/docker/i)
    expect(await problem.getByRole('button').count(), 'there is something to press').toBeGreaterThan(1)
    await window.go('Targets')
    await window.page.getByRole('article', { name: 'default' }).getByText('Does not answer').waitFor()
    await window.go('Settings')
    await window.page.getByRole('heading', { name: 'Settings' }).waitFor()
  })

  it('heals by itself when it comes', async () => {
    proxy = createServer((client) => {
      const engine = connect(docker.socket)
      for (const socket of [client, engine]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.once('close', () => {
          client.destroy()
          engine.destroy()
        })
      }
      client.pipe(engine).pipe(client)
    })
    await new Promise<void>((resolve) => proxy?.listen(join(folder, 'docker.sock'), resolve))
    await command('chmod', ['666', join(folder, 'docker.sock')])
    const window = new BerthPage(berth.page)
    await window.go('Targets')
    const card = window.page.getByRole('article', { name: 'default' })
    await card.getByText('Ready').waitFor()
    expect(await card.getByRole('alert').count()).toBe(0)
  })
})

describe('sources that cannot be had', () => {
  let berth: BerthApp
  pictureFailures(() => berth)
  let window: BerthPage
  beforeAll(async () => {
    berth = await launchBerth({ env: docker.env })
    window = new BerthPage(berth.page)
  })
  afterAll(() => berth?.close())

  it.each([
    ['a repository that does not exist', 'file:///nowhere/at-all.git', 'no repository'],
    ['a server that does not answer', 'https://127.0.0.1:9/owner/repository.git', '127.0.0.1'],
    ['an image that does not exist', 'berth-e2e.invalid/no/such:image', 'berth-e2e.invalid'],
  ])('%s: a Problem with a remedy, and nothing is left', async (_what, source, named) => {
    await window.create(source)
    const problem = window.page.getByRole('alert').first()
    await problem.waitFor({ timeout: 60_000 })
    const words = (await problem.textContent()) ?? ''
    expect(words).toContain(named)
    expect(words).not.toMatch(/\bat .*\.js:\d+|undefined|\[object/)
    expect(words.length).toBeGreaterThan(40)
    await expect.poll(() => docker.objects()).toEqual([])
  })

  it('can be tried again after the window was loaded anew, and is found from the list', async () => {
    await window.create('file:///nowhere/twice.git')
    // An alert alone may be the preview's, on a page that would be what is loaded anew.
    await window.page.getByRole('button', { name: 'Change it…' }).waitFor({ timeout: 60_000 })
    await window.page.reload()
    await window.page.getByRole('button', { name: 'Change it…' }).waitFor()
    await window.go('Workspaces')
    const failed = window.page.getByRole('list', { name: 'Failed creations' }).getByRole('listitem')
    await failed.filter({ hasText: 'twice' }).getByRole('button', { name: 'Show' }).click()
    await window.page.getByRole('button', { name: 'Change it…' }).click()
    await expect.poll(() => window.sourceField().inputValue()).toBe('file:///nowhere/twice.git')
  })

  it('a definition with a mistake says where it is', async () => {
    const repository = await makeRepository('mistaken', {
      '.devcontainer/devcontainer.json': '{\n  "image": "debian",\n  "forwardPorts": "many"\n}\n',
    })
    try {
      await window.giveSource(repository.url)
      const problem = window.page.getByRole('alert').first()
      await problem.waitFor({ timeout: 60_000 })
      expect(await problem.textContent()).toMatch(/forwardPorts|line 3/)
    } finally {
      await repository.dispose()
    }
    expect(await docker.objects()).toEqual([])
  })
})

describe('a creation that is cancelled', () => {
  let berth: BerthApp
  pictureFailures(() => berth)
  let repository: Repository
  beforeAll(async () => {
    repository = await makeRepository('slow', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        image: TEST_IMAGES.debian,
        postCreateCommand: 'echo it has begun; sleep 3600',
        waitFor: 'postCreateCommand',
      }),
    })
    berth = await launchBerth({ env: docker.env })
  })
  afterAll(async () => {
    await berth?.close()
    await repository?.dispose()
  })

  it('shows what it prints, ends at once, and leaves nothing', async () => {
    const window = new BerthPage(berth.page)
    await window.create(repository.url)
    await window.page.getByText('it has begun').first().waitFor({ timeout: 60_000 })
    expect((await docker.objects()).length).toBeGreaterThan(0)
    await window.page.getByRole('button', { name: 'Cancel', exact: true }).click()
    await window.page.getByText('was cancelled').first().waitFor({ timeout: 30_000 })
    expect(await docker.objects()).toEqual([])
    expect((await docker.docker('ps', '-aq')).trim()).toBe('')
  })
})

describe('processes that die', () => {
  let home: Home
  let berth: BerthApp
  pictureFailures(() => berth)
  let window: BerthPage
  const name = 'sturdy'
  beforeAll(async () => {
    home = await makeHome()
    berth = await launchBerth({ env: docker.env, home })
    window = new BerthPage(berth.page)
    await window.create(TEST_IMAGES.debian, name)
    await window.waitForState('Running')
  })
  afterAll(async () => {
    await berth?.close()
    await home?.dispose()
    await docker.docker('rm', '-fv', `berth-${name}`).catch(() => undefined)
    const volumes = (await docker.docker('volume', 'ls', '-q')).split('\n').filter(Boolean)
    if (volumes.length > 0) await docker.docker('volume', 'rm', '-f', ...volumes)
  })

  it('the engine: the window says so, it comes back, and the workspace is still there', async () => {
    const before = await engineProcess(berth)
    if (!before) throw new Error('no engine')
    await window.openTerminal()
    await window.run('echo first life | tr a-z A-Z')
    await window.waitForText('FIRST LIFE')
    const live = window.page.locator('[data-state=live]')
    const lost = live.waitFor({ state: 'detached' })
    process.kill(before, 'SIGKILL')
    await lost
    await expect.poll(() => engineProcess(berth)).not.toBe(before)
    await expect.poll(() => engineProcess(berth)).toBeGreaterThan(0)
    await window.page.getByText('terminals that they keep come back').first().waitFor()
    await expect.poll(() => berth.log()).toContain('The engine ended by itself')
    await window.waitForState('Running')
    await live.waitFor()
    await window.waitForText('FIRST LIFE')
    expect(await window.terminalTabs()).toHaveLength(1)
    await window.run('echo second life | tr a-z A-Z')
    await window.waitForText('SECOND LIFE')
  })

  it('the engine, again and again: the window says what happened and has a button that helps', async () => {
    const stillCrashing = window.page.getByRole('button', { name: 'Start the engine' })
    for (let round = 0; round < 10 && !(await stillCrashing.isVisible()); round += 1) {
      const pid = await engineProcess(berth)
      if (pid) process.kill(pid, 'SIGKILL')
      await expect
        .poll(
          async () => (await stillCrashing.isVisible()) || ((await engineProcess(berth)) ?? pid) !== pid,
          {
            timeout: 30_000,
          },
        )
        .toBe(true)
    }
    await stillCrashing.waitFor()
    expect(await window.page.getByRole('alert').first().textContent()).toContain('Berth’s engine stopped')
    await stillCrashing.click()
    await window.waitForState('Running')
    await stillCrashing.waitFor({ state: 'detached' })
  })

  it('the page: it is loaded again', async () => {
    await tellMain(berth, ({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    )
    await expect.poll(() => berth.log()).toContain('The page’s process ended')
    // Playwright has no page there any more.
    const contents = () =>
      askMain(berth, async ({ BrowserWindow }) => {
        const page = BrowserWindow.getAllWindows()[0]?.webContents
        const nothing = new Promise<string>((resolve) => setTimeout(resolve, 1_000, ''))
        // One that dies meanwhile never answers.
        return Promise.race([page?.executeJavaScript('document.body.innerText').catch(() => ''), nothing])
      })
    await expect.poll(contents).toMatch(new RegExp(`${name}[^]*Running|Running[^]*${name}`))
  })

  it('the whole app, killed: no process is left, the workspace goes on, and the next start shows it', async () => {
    const running = (await docker.docker('ps', '-q')).trim()
    expect(running).not.toBe('')
    berth.app.process().kill('SIGKILL')
    await expect.poll(() => processesOf(berth.home)).toEqual([])
    expect((await docker.docker('ps', '-q')).trim()).toBe(running)
    await berth.close()
    berth = await launchBerth({ env: docker.env, home })
    window = new BerthPage(berth.page)
    await window.page
      .getByRole('list', { name: 'Workspaces' })
      .getByText(name, { exact: true })
      .waitFor({ timeout: 30_000 })
  })
})
