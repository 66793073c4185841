import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { OperationKind, Session } from '#contract'
import { createEngine, createNodePlatform, type Engine, type EngineOptions } from '../../main/engine'
import { Selection, waitFor } from '../../main/engine/platform/collection'
import { TEST_IMAGES } from '../harness/images'
import { NO_AGENTS } from '../ports/engine'
import { created, purge, writeFiles } from './rig'

const home = mkdtempSync(join(tmpdir(), 'berth-tasks-'))
const engines = new Set<Engine>()

async function begin(options: Partial<EngineOptions> = {}, followed = new Selection()): Promise<Engine> {
  const env = { PATH: process.env.PATH, HOME: home, DOCKER_HOST: process.env.DOCKER_HOST }
  const platform = createNodePlatform({ version: '0.0.0', resources: resolve('resources'), env })
  await platform.settings.change({ routerPort: 0 })
  const engine = createEngine({ platform, followed, ...options })
  engines.add(engine)
  await engine.settled
  return engine
}

async function end(engine: Engine): Promise<void> {
  engines.delete(engine)
  await engine.dispose()
}

afterEach(async () => {
  for (const engine of engines) await end(engine)
  purge()
})

afterAll(() => {
  rmSync(home, { recursive: true, force: true })
})

/** What the last operation of this kind told of its tasks. */
function told(engine: Engine, kind: OperationKind): string | undefined {
  const operation = engine.collections.operations.list().findLast((one) => one.kind === kind)
  return operation?.steps.find(({ id }) => id === 'tasks')?.detail
}

async function ended(engine: Engine, operationId: string): Promise<void> {
  const over = await waitFor(
    engine.collections.operations,
    operationId,
    (one) => one?.state !== 'running',
    AbortSignal.timeout(120_000),
  )
  if (over?.state !== 'succeeded') throw new Error(JSON.stringify(over?.problem))
}

async function up(engine: Engine, text: string, file = '.gitpod.yml'): Promise<string> {
  const folder = mkdtempSync(join(home, 'source-'))
  writeFiles(folder, { [file]: text })
  const source = { kind: 'folder', path: folder } as const
  const { workspaceId, operationId } = await engine.call('workspaces.create', { source })
  created.add(workspaceId)
  await ended(engine, operationId)
  return workspaceId
}

async function act(engine: Engine, verb: 'start' | 'stop' | 'restart' | 'rebuild', workspaceId: string) {
  const { operationId } = await engine.call(`workspaces.${verb}`, { workspaceId })
  await ended(engine, operationId)
}

async function read(engine: Engine, workspaceId: string, path: string): Promise<string> {
  const process = await engine.links.get(workspaceId).exec({ command: ['cat', path] })
  process.stdin.end()
  let text = ''
  for await (const chunk of process.stdout) text += String(chunk)
  return text
}

/** Waits for a file to say this. */
async function says(engine: Engine, workspaceId: string, path: string, text: string): Promise<void> {
  await expect.poll(() => read(engine, workspaceId, path), { interval: 100 }).toBe(text)
}

const titles = (engine: Engine, state: Session['state'] = 'running') =>
  engine.collections.sessions
    .list()
    .filter((session) => session.state === state)
    .map(({ title }) => title)
    .sort()

const gitpod = `image: ${TEST_IMAGES.debian}
tasks:
  - name: Web
    before: |
      export GREETING="hello	world!!"
      printf before, >> /tmp/web
    init: |
      cat <<EOF >> /tmp/web
      init
      EOF
    command: printf '%s %s;' "$GREETING" "$PORT" >> /tmp/web; sleep 1000
    env: { PORT: 3000 }
  - name: Fails
    before: printf x >> /tmp/fails; false
    init: printf never >> /tmp/fails
    command: printf never >> /tmp/fails
  - name: Shell
  - name: Once
    init: printf once >> /tmp/once
`
const first = 'before,init\nhello\tworld!! 3000;'

describe('the tasks of a workspace', () => {
  it('begin with it, each in a terminal of its own, and later without init', async () => {
    const engine = await begin({ livesOn: true })
    const id = await up(engine, gitpod)
    expect(told(engine, 'create')).toBe('Web, Fails, Shell, Once')
    expect(titles(engine)).toEqual(['Fails', 'Once', 'Shell', 'Web'])
    await says(engine, id, '/tmp/web', first)
    await says(engine, id, '/tmp/fails', 'x')
    await says(engine, id, '/tmp/once', 'once')

    // It runs already, and so do they.
    await act(engine, 'start', id)
    expect(titles(engine)).toEqual(['Fails', 'Once', 'Shell', 'Web'])

    await act(engine, 'restart', id)
    expect(told(engine, 'restart')).toBe('Web, Fails, Shell')
    expect(titles(engine)).toEqual(['Fails', 'Shell', 'Web'])
    await says(engine, id, '/tmp/web', `${first}before,hello\tworld!! 3000;`)
    await says(engine, id, '/tmp/fails', 'xx')

    await act(engine, 'rebuild', id)
    // Another container, whose /tmp is empty.
    await says(engine, id, '/tmp/web', 'before,hello\tworld!! 3000;')
    expect(titles(engine)).toEqual(['Fails', 'Shell', 'Web'])
  })

  it('that nobody begins are run when somebody asks for them', async () => {
    const engine = await begin({ livesOn: true })
    const id = await up(
      engine,
      `schemaVersion: 2.2.0
metadata: { name: by-hand }
components:
  - { name: tools, container: { image: ${TEST_IMAGES.debian}, args: ['sleep', 'infinity'] } }
  - { name: web, kubernetes: { inlined: '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}' } }
commands:
  - { id: deploy, apply: { component: web } }
  - id: build
    exec: { component: tools, label: Build it, commandLine: 'echo "$WHAT" >> /tmp/built', env: [{ name: WHAT, value: all }], group: { kind: build, isDefault: true } }
`,
      'devfile.yaml',
    )
    expect(titles(engine)).toEqual([])
    await engine.call('workspaces.runTask', { workspaceId: id, name: 'build' })
    await says(engine, id, '/tmp/built', 'all\n')
    expect(titles(engine)).toEqual(['Build it'])
    await expect(engine.call('workspaces.runTask', { workspaceId: id, name: 'none' })).rejects.toMatchObject({
      problem: { code: 'not-found' },
    })
    await expect(
      engine.call('workspaces.runTask', { workspaceId: id, name: 'deploy' }),
    ).rejects.toMatchObject({
      problem: { code: 'unsupported', title: expect.stringContaining('ConfigMap web') },
    })
    expect(titles(engine)).toEqual(['Build it'])
  })

  it('go on without the engine that has begun them, and are found by the next one', async () => {
    const once = await begin()
    const id = await up(once, gitpod)
    await end(once)
    const followed = new Selection()
    followed.add(id)
    const next = await begin({ livesOn: true }, followed)
    await expect.poll(() => titles(next)).toEqual(['Fails', 'Once', 'Shell', 'Web'])
    await says(next, id, '/tmp/web', first)
    const count = async () => {
      const process = await next.links.get(id).exec({ command: ['pgrep', '-fc', 'sleep 1000'] })
      process.stdin.end()
      let said = ''
      for await (const chunk of process.stdout) said += String(chunk)
      return said.trim()
    }
    // It is begun a moment after what it comes behind.
    await expect.poll(count).toBe('1')
  })

  it('are not begun where they would end with a command, and are told of', async () => {
    const engine = await begin({ agents: NO_AGENTS })
    await up(engine, `image: ${TEST_IMAGES.debian}\ntasks: [{name: Web, command: sleep 1000}]\n`)
    expect(told(engine, 'create')).toContain('Web was not begun')
    expect(engine.collections.sessions.list()).toEqual([])
  })
})
