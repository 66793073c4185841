import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import type { CuttingProxy } from '../harness/cutting-proxy'
import { throughProxy } from '../harness/kubernetes/cut-off'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { startEngine, type TestEngine } from '../ports/engine'
import { TestWindow } from '../terminals/window'
import { createInPod } from './workspace'

// What a pod's agent keeps while the way to the API server is cut, and what another laptop finds of it.

const LIMIT = { timeout: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'berth-agent-cluster-'))
let namespace: TestNamespace
let proxy: CuttingProxy
let test: TestEngine
let workspace: Workspace

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  const cut = await throughProxy(namespace.kubeconfig, folder)
  proxy = cut.proxy
  const helper = '!f() { [ $1 != get ] || { echo username=maria; echo password=of-this-computer; }; }; f'
  writeFileSync(join(folder, '.gitconfig'), `[credential]\n\thelper = "${helper}"\n`)
  test = await startEngine({ KUBECONFIG: cut.kubeconfig, HOME: folder })
  workspace = await createInPod(test)
})
afterAll(async () => {
  await test?.dispose()
  await proxy?.dispose()
  await namespace?.dispose()
  rmSync(folder, { recursive: true })
})

const stateOf = (engine: TestEngine, id: string) => engine.engine.collections.sessions.get(id)?.state

async function shell(): Promise<{ id: string; window: TestWindow }> {
  const { sessionId: id } = await test.engine.call('sessions.create', {
    workspaceId: workspace.id,
    columns: 80,
    rows: 24,
  })
  const window = new TestWindow(test.engine, id)
  await window.until('a prompt', () => /[$#] $/.test(window.text))
  return { id, window }
}

describe('a terminal in a pod', () => {
  it('goes on while the way to the API server is cut, and nothing of it is lost or told twice', async () => {
    const { id, window } = await shell()
    window.type('for i in $(seq 1 40); do echo "line <$i>"; sleep 0.1; done; echo all to""ld\r')
    await window.until('the beginning', () => window.text.includes('line <5>'))
    const states = [stateOf(test, id)]
    const stop = test.engine.collections.sessions.onChange(() => {
      const state = stateOf(test, id)
      if (state !== states.at(-1)) states.push(state)
    })
    proxy.cut()
    await window.until('the end', () => window.text.includes('all told'), 60_000)
    // What is told of it need not come before what it prints.
    await expect.poll(() => states).toEqual(['running', 'reconnecting', 'running'])
    void stop()
    const lines = [...window.text.matchAll(/line <(\d+)>/g)].map(([, number]) => Number(number))
    expect(lines).toEqual(Array.from({ length: 40 }, (_, at) => at + 1))
    window.close()
  })

  it('is found by another laptop, with its screen, and taken over there', async () => {
    const { id, window } = await shell()
    window.type('echo "shell <$$>"; cd /usr\r')
    await window.until('its number', () => /shell <\d+>/.test(window.text))
    const [shellLine = ''] = /shell <\d+>/.exec(window.text) ?? []
    const other = await startEngine({ KUBECONFIG: namespace.kubeconfig })
    try {
      other.follow(workspace.id)
      await expect.poll(() => stateOf(other, id), LIMIT).toBe('running')
      const there = new TestWindow(other.engine, id)
      await there.until('the screen', () => there.lines.some((line) => line.includes(shellLine)))
      there.type('echo "again <$$> in $PWD"\r')
      const again = shellLine.replace('shell', 'again')
      await there.until('the same shell', () => there.text.includes(`${again} in /usr`))
      // Both see what either does.
      await window.until('it here, too', () => window.text.includes(`${again} in /usr`))
      there.close()
    } finally {
      await other.dispose()
    }
    expect(stateOf(test, id)).toBe('running')
    await test.engine.call('sessions.close', { sessionId: id })
  })
})

describe('files of a pod', () => {
  const over = async (transferId: string) => {
    const { transfers } = test.engine.collections
    const ended = await waitFor(transfers, transferId, (one) => one?.endedAt !== undefined)
    return { state: ended?.state, cause: ended?.problem?.cause, files: ended?.files }
  }
  const underWay = (transferId: string) =>
    waitFor(test.engine.collections.transfers, transferId, (one) => (one?.bytes ?? 0) > 1_000_000)

  it('are copied there and back while the way to the API server is cut', async () => {
    const local = join(folder, 'local')
    const top = join(local, 'tree')
    mkdirSync(top, { recursive: true })
    const large = randomBytes(60_000_000)
    writeFileSync(join(local, 'large'), large)
    for (let index = 0; index < 300; index += 1)
      writeFileSync(join(top, `file ${index}`), randomBytes(20_000))
    const to = workspace.definition.workspaceFolder
    const copy = { workspaceId: workspace.id, existing: 'keep-both' as const }
    const up = await test.engine.call('transfers.upload', {
      ...copy,
      paths: [join(local, 'large')],
      folder: to,
    })
    await underWay(up.transferId)
    proxy.cut()
    expect(await over(up.transferId)).toEqual({ state: 'done', cause: undefined, files: 1 })
    const tree = await test.engine.call('transfers.upload', { ...copy, paths: [top], folder: to })
    expect(await over(tree.transferId)).toEqual({ state: 'done', cause: undefined, files: 300 })

    const back = join(folder, 'back')
    mkdirSync(back)
    const paths = [`${to}/large`, `${to}/tree`]
    const down = await test.engine.call('transfers.download', {
      workspaceId: workspace.id,
      paths,
      folder: back,
    })
    await underWay(down.transferId)
    proxy.cut()
    expect(await over(down.transferId)).toMatchObject({ state: 'done', cause: undefined })
    expect(readFileSync(join(back, 'large')).equals(large)).toBe(true)
    expect(readdirSync(join(back, 'tree'))).toHaveLength(300)
    for (const name of readdirSync(top))
      expect(readFileSync(join(back, 'tree', name)).equals(readFileSync(join(top, name)))).toBe(true)
    const { entries } = await test.engine.call('files.list', { workspaceId: workspace.id })
    expect(entries.map(({ name }) => name)).toEqual(['tree', 'large'])
  })
})

describe("git's credentials in a pod", () => {
  it('are those of the computer that is connected, once they are allowed', async () => {
    const credential = { kind: 'git' as const, origin: 'https://git.example' }
    const fill = () =>
      test.run(
        workspace.id,
        'sh',
        '-c',
        "until [ -x /tmp/berth-agent-$(id -u)/git-credential ]; do sleep 0.1; done; printf 'protocol=https\\nhost=git.example\\n\\n' | GIT_TERMINAL_PROMPT=0 git credential fill 2>&1; true",
      )
    expect(await fill()).toContain('berth credentials allow')
    await test.engine.call('credentials.allow', { workspaceId: workspace.id, credential })
    expect(await fill()).toContain('username=maria\npassword=of-this-computer\n')
    await test.engine.call('credentials.revoke', { workspaceId: workspace.id, credential })
    expect(await fill()).not.toContain('of-this-computer')
  })
})
