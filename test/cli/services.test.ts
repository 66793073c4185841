import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ActionDocument, TasksDocument } from '../../cli/documents'
import { createEngine, createNodePlatform } from '../../main/engine'
import { Selection, waitFor } from '../../main/engine/platform/collection'
import { PATIENCE } from '../harness/bounds'
import { TEST_IMAGES } from '../harness/images'
import { NO_AGENTS } from '../ports/engine'
import { writeFiles } from '../workspaces/rig'
import { type CommandLine, commandLine, uniqueName } from './berth'

const name = uniqueName('services')
let berth: CommandLine
let id: string

const devfile = `schemaVersion: 2.2.0
components:
  - name: dev
    container: { image: ${TEST_IMAGES.debian}, volumeMounts: [{ name: shared, path: /shared }] }
  - name: tools
    container:
      image: ${TEST_IMAGES.alpine}
      sourceMapping: /src
      env: [{ name: PLACE, value: tools }]
      volumeMounts: [{ name: shared, path: /shared }]
  - name: shared
    volume: {}
commands:
  - id: own
    exec: { component: dev, commandLine: 'echo "own $PLACE" >> /shared/ran' }
  - id: build
    exec:
      component: tools
      commandLine: 'echo "built in $PLACE $OUT" >> /shared/ran; cat source'
      workingDir: $PROJECT_SOURCE
      env: [{ name: OUT, value: $PROJECTS_ROOT/out }]
      group: { kind: build }
  - id: besides
    exec: { component: tools, commandLine: 'echo "besides" > /shared/besides' }
  - id: both
    composite: { commands: [build, besides], parallel: true }
  - id: begin
    composite: { commands: [own, both, own] }
  - id: ask
    exec: { component: tools, commandLine: 'read -r word; echo "$word in $PLACE"; exit 7', workingDir: /tmp }
  - id: serve
    exec: { component: tools, commandLine: 'echo "served in $PLACE" > /shared/served; sleep 1000' }
  - id: bye
    exec: { component: tools, commandLine: 'echo "bye from $PLACE" > /shared/bye' }
events:
  postStart: [begin]
  preStop: [bye]
`

beforeAll(async () => {
  berth = await commandLine()
  const folder = join(berth.home, 'shop')
  writeFiles(folder, { 'devfile.yaml': devfile, source: 'the source\n' })
  const made = await berth.json(ActionDocument, ['up', folder, '--name', name])
  id = made.workspace?.id ?? ''
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

const read = async (file: string) =>
  (await berth.run(['exec', name, '--', 'cat', `/shared/${file}`])).stdout.toString()

it('runs the commands of a devfile in their own containers, in their order', async () => {
  await expect.poll(() => read('ran')).toBe('own \nbuilt in tools /src/out\nown \n')
  expect(await read('besides')).toBe('besides\n')
})

it('berth exec --service runs a command there, as it does in the workspace', async () => {
  const script = 'echo "$PLACE $A"; pwd; cat; echo bad >&2; exit 7'
  const args = ['exec', '--service', 'tools', '-w', '/tmp', '-e', 'A=b c', name, 'sh', '-c', script]
  const { code, stdout, stderr } = await berth.run(args, { input: 'word\n' })
  expect([code, stdout.toString(), stderr]).toEqual([7, 'tools b c\n/tmp\nword\n', 'bad\n'])
  const none = await berth.run(['exec', '--service', 'tolls', name, '--', 'true'])
  expect([none.code, none.stderr]).toEqual([125, expect.stringContaining('The workspace has tools.')])
})

it('berth terminal --service is its shell', async () => {
  const shell = berth.terminal(['terminal', '--service', 'tools', name])
  shell.child.stdin.write('echo "here is $PLACE"; exit 3\r')
  await shell.prints(/here is tools/)
  expect((await shell.ended).code).toBe(3)
})

it('berth tasks runs those of a service there', async () => {
  const { tasks } = await berth.json(TasksDocument, ['tasks', name])
  expect(tasks.find((task) => task.name === 'ask')).toMatchObject({ service: 'tools', folder: '/tmp' })
  const { code, stdout } = await berth.run(['tasks', 'run', name, 'ask'], { input: 'word\n' })
  expect([code, stdout.toString()]).toEqual([7, 'word in tools\n'])
  // Nothing in a service keeps a terminal that this command would leave behind.
  const left = await berth.run(['tasks', 'run', name, 'serve', '--background'])
  expect([left.code, left.stderr]).toEqual([1, expect.stringContaining('It is in the service tools')])
})

it('has terminals and tasks in a service, which end with their sessions', async () => {
  const home = mkdtempSync(join(tmpdir(), 'berth-services-'))
  const env = { PATH: process.env.PATH, HOME: home, DOCKER_HOST: process.env.DOCKER_HOST }
  const platform = createNodePlatform({ version: '0.0.0', resources: resolve('resources'), env })
  await platform.settings.change({ routerPort: 0 })
  const engine = createEngine({ platform, followed: new Selection(), agents: NO_AGENTS, livesOn: true })
  try {
    const { sessions, workspaces } = engine.collections
    const limit = () => AbortSignal.timeout(PATIENCE)
    await waitFor(workspaces, id, (one) => one?.state === 'running', limit())
    await engine.call('workspaces.runTask', { workspaceId: id, name: 'serve' })
    expect(sessions.list()).toMatchObject([{ service: 'tools', state: 'running', title: 'serve' }])
    await expect.poll(() => read('served')).toBe('served in tools\n')
    const runs = async () => (await berth.run(['exec', '--service', 'tools', name, 'ps'])).stdout.toString()
    expect(await runs()).toContain('sleep 1000')
    await engine.call('sessions.close', { sessionId: sessions.list()[0]?.id ?? '' })
    await expect.poll(runs).not.toContain('sleep 1000')

    const command = ['sh', '-c', 'echo "$PLACE $(stty size)" > /shared/terminal; exit 5']
    const asked = { workspaceId: id, service: 'tools', command, columns: 91, rows: 31 }
    const { sessionId } = await engine.call('sessions.create', asked)
    const over = await waitFor(sessions, sessionId, (one) => one?.state === 'ended', limit())
    expect(over).toMatchObject({ service: 'tools', title: 'sh', end: { reason: 'exited', exitCode: 5 } })
    expect(await read('terminal')).toMatch(/^tools /)

    const wrong = await engine.call('sessions.create', { ...asked, service: 'tolls' })
    const failed = await waitFor(sessions, wrong.sessionId, (one) => one?.state === 'ended', limit())
    expect(failed?.end?.problem).toMatchObject({ code: 'not-found', title: 'There is no service tolls' })
  } finally {
    await engine.dispose()
    rmSync(home, { recursive: true, force: true })
  }
})

it('runs before a stop what a devfile wants run in a service', async () => {
  expect((await berth.run(['restart', name])).code).toBe(0)
  expect(await read('bye')).toBe('bye from tools\n')
  const built = async () => (await read('ran')).split('\n').filter((line) => line.startsWith('built'))
  await expect.poll(built).toHaveLength(2)
})
