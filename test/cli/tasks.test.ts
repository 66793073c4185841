import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TaskRunDocument, TasksDocument } from '../../cli/documents'
import { TEST_IMAGES } from '../harness/images'
import { writeFiles } from '../workspaces/rig'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
const name = uniqueName('tasks')

beforeAll(async () => {
  berth = await commandLine()
  const folder = join(berth.home, 'tasks')
  writeFiles(folder, {
    'devfile.yaml': `schemaVersion: 2.2.0
components:
  - name: tools
    container: { image: '${TEST_IMAGES.debian}', mountSources: true }
  - name: web
    kubernetes: { inlined: '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}}' }
commands:
  - id: check
    exec:
      label: Check it
      component: tools
      workingDir: /tmp
      commandLine: 'read -r word; echo "$word in $PWD for $WHO"; echo bad >&2; exit 7'
      env: [{ name: WHO, value: 'you & me' }]
      group: { kind: test, isDefault: true }
  - id: serve
    exec: { component: tools, commandLine: 'echo served >> /tmp/served; sleep 1000' }
  - id: deploy
    apply: { component: web }
`,
  })
  const { code, stderr } = await berth.run(['up', folder, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

it('berth tasks shows what there is to run, and runs it here or in a terminal of its own', async () => {
  const { tasks } = await berth.json(TasksDocument, ['tasks', name])
  expect(tasks).toMatchObject([
    { name: 'check', label: 'Check it', automatic: false, group: 'test', isDefault: true, folder: '/tmp' },
    { name: 'serve', group: null, objects: [] },
    { name: 'deploy', objects: ['Secret web'], command: null },
  ])
  expect((await berth.run(['tasks', name])).stdout.toString()).toMatch(/check +test \(default\) +when asked/)

  const { code, stdout, stderr } = await berth.run(['tasks', 'run', name, 'check it'], { input: 'word\n' })
  expect([code, stdout.toString(), stderr]).toEqual([7, 'word in /tmp for you & me\n', 'bad\n'])
  const inTerminal = berth.terminal(['tasks', 'run', name, 'check'])
  inTerminal.child.stdin.write('typed\r')
  await inTerminal.prints(/typed in \/tmp/)
  expect((await inTerminal.ended).code).toBe(7)

  const begun = await berth.json(TaskRunDocument, ['tasks', 'run', name, 'serve', '--background'])
  expect(begun.task).toBe('serve')
  const served = async () => (await berth.run(['exec', name, 'cat', '/tmp/served'])).stdout.toString()
  await expect.poll(served).toBe('served\n')

  const unknown = await berth.run(['tasks', 'run', name, 'chekc'])
  expect(unknown.code).toBe(1)
  expect(unknown.stderr).toContain('check, serve')

  const deploy = await berth.run(['tasks', 'run', name, 'deploy'])
  expect([deploy.code, deploy.stdout.toString()]).toEqual([1, ''])
  expect(deploy.stderr).toContain('an engine has containers alone')
})
