import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Definition, Workspace } from '#contract'
import type { Driver } from '../../main/engine/drivers/driver'
import { waitFor } from '../../main/engine/platform/collection'
import { type DriverHarness, makeWorkspace, never, Recorder } from '../conformance/harness'
import { startEngine, type TestEngine } from '../ports/engine'
import { addressOf, fetched, LIMIT } from './talk'
import { TestWindow } from './window'

export interface OddPlace {
  readonly harness: DriverHarness
  /** Whether files can be put into a container without a shell, which an agent needs. */
  readonly reachesBare: boolean
  prepare(): Promise<void>
  /** The environment of an engine that has the harness's target. */
  env(): Readonly<Record<string, string>>
  /** Has the workspace's container replaced by one whose root file system is read-only, as its target does that. */
  makeReadOnly(workspace: Workspace): Promise<void>
}

const PORT = 8000

/** What terminals, commands, ports and files need of an image: next to nothing. */
export function oddImages({ env, harness, makeReadOnly, prepare, reachesBare }: OddPlace): void {
  const made: string[] = []
  let driver: Driver
  let test: TestEngine

  beforeAll(async () => {
    await prepare()
    driver = harness.open()
    test = await startEngine(env())
  })
  afterAll(async () => {
    await test?.leave()
    for (const id of made) await driver.remove(id, new Recorder(), never)
    await driver?.dispose()
    await harness.dispose()
  })

  const running = async (id: string, isIt: (workspace: Workspace) => boolean = () => true) => {
    const found = await waitFor(
      test.engine.collections.workspaces,
      id,
      (one) => one?.state === 'running' && isIt(one),
      AbortSignal.timeout(LIMIT.timeout),
    )
    if (!found) throw new Error('it is gone')
    return found
  }
  async function make(image: string, definition: Partial<Definition> = {}): Promise<Workspace> {
    const { id } = await makeWorkspace(driver, image, { definition })
    made.push(id)
    test.follow(id)
    return running(id)
  }

  /** The number of a shell, as it says it itself. */
  async function pidIn(window: TestWindow, word: string): Promise<string> {
    window.type(`echo "${word} <$$>"\r`)
    const said = () => new RegExp(`${word} <(\\d+)>`).exec(window.text)?.[1]
    await window.until(word, () => said() !== undefined, LIMIT.timeout)
    return said() ?? ''
  }

  async function serve({ id }: Workspace, busybox: readonly string[], folder: string) {
    const command = [...busybox, 'httpd', '-f', '-p', `127.0.0.1:${PORT}`, '-h', folder]
    const server = await test.engine.links.get(id).exec({ command })
    server.stdout.resume()
    server.stderr?.resume()
    return server
  }

  /** A terminal that another laptop finds again, a command, a file and a port. `busybox` is how its programs are run. */
  async function expectWhole(workspace: Workspace, busybox: readonly string[] = []): Promise<void> {
    const { id, user } = workspace
    const link = test.engine.links.get(id)
    expect(await link.missing(AbortSignal.timeout(LIMIT.timeout))).toBeUndefined()
    expect((await test.run(id, ...busybox, 'id', '-u')).trim()).toBe(String(user.uid))

    const folder = workspace.definition.workspaceFolder
    const files = await link.files.open(AbortSignal.timeout(LIMIT.timeout))
    await files.write(`${folder}/odd`, Readable.from([Buffer.from('an odd file')]), {
      offset: 0,
      mode: 'new',
    })
    expect(await test.run(id, ...busybox, 'cat', `${folder}/odd`)).toBe('an odd file')
    expect(await text(files.read(`${folder}/odd`))).toBe('an odd file')
    files.close()

    const server = await serve(workspace, busybox, folder)
    expect(await fetched(`${await addressOf(test, workspace, PORT)}odd`)).toBe('an odd file')
    server.destroy()

    const { sessionId } = await test.engine.call('sessions.create', {
      workspaceId: id,
      columns: 80,
      rows: 24,
      command: [...busybox, 'sh'],
    })
    const here = new TestWindow(test.engine, sessionId)
    const pid = await pidIn(here, 'here')
    const other = await startEngine(env())
    try {
      other.follow(id)
      const state = () => other.engine.collections.sessions.get(sessionId)?.state
      await expect.poll(state, LIMIT).toBe('running')
      const there = new TestWindow(other.engine, sessionId)
      await there.until('the screen', () => there.lines.some((line) => line === `here <${pid}>`))
      expect(await pidIn(there, 'there')).toBe(pid)
      there.close()
    } finally {
      await other.leave()
    }
    here.close()
    await test.engine.call('sessions.close', { sessionId })
  }

  describe('an image', () => {
    it(`of one program and nothing else has ${reachesBare ? 'everything' : 'what needs no agent, and says so'}; only, there is no shell to begin with`, async () => {
      const workspace = await make(harness.images.bare)
      const { id } = workspace
      const create = { workspaceId: id, columns: 80, rows: 24 }
      await expect(test.engine.call('sessions.create', create)).rejects.toMatchObject({
        problem: { code: 'no-shell' },
      })
      if (reachesBare) return expectWhole(workspace, ['/busybox'])

      const link = test.engine.links.get(id)
      const limit = AbortSignal.timeout(LIMIT.timeout)
      // Undefined until it is known.
      await expect.poll(async () => (await link.missing(limit))?.code, LIMIT).toBe('agent-unavailable')
      await expect(link.files.open(limit)).rejects.toMatchObject({ problem: { code: 'agent-unavailable' } })
      expect(await test.run(id, '/busybox', 'id', '-u')).toBe(`${workspace.user.uid}\n`)
      const server = await serve(workspace, ['/busybox'], '/etc')
      const { localPort } = await test.engine.call('ports.forward', { workspaceId: id, port: PORT })
      await expect
        .poll(() => fetched(`http://127.0.0.1:${localPort}/hosts`), LIMIT)
        .toContain('127.0.0.1\tlocalhost')
      server.destroy()
      const { sessionId } = await test.engine.call('sessions.create', {
        ...create,
        command: ['/busybox', 'sh'],
      })
      const window = new TestWindow(test.engine, sessionId)
      await pidIn(window, 'here')
      window.close()
      await test.engine.call('sessions.close', { sessionId })
    })

    it('whose user it knows nothing of has everything', async () => {
      const workspace = await make(harness.images.small, { containerUser: '4242', remoteUser: '4242' })
      expect(workspace.user).toMatchObject({ uid: 4242 })
      await expectWhole(workspace)
    })

    it('whose user has no home and no shell has everything', async () => {
      const workspace = await make(harness.images.small, { containerUser: 'nobody', remoteUser: 'nobody' })
      expect(workspace.user).toMatchObject({ uid: 65534, home: '/' })
      await expectWhole(workspace)
    })

    it('whose root is read-only has everything', async () => {
      const before = await make(harness.images.small)
      await makeReadOnly(before)
      const workspace = await running(before.id, ({ incarnation }) => incarnation !== before.incarnation)
      const touch = ['sh', '-c', 'touch /tried 2>&1; true']
      expect(await test.run(workspace.id, ...touch)).toContain('Read-only file system')
      await expectWhole(workspace)
    })
  })
}
