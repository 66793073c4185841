import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActionDocument, ListDocument, ProblemDocument } from '../../cli/documents'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import { KubernetesDriver } from '../../main/engine/drivers/kubernetes/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { type CommandLine, commandLine } from '../cli/berth'
import { makeWorkspace, never, Recorder, run, sh, testPlatform, Watcher } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import { type OwnCluster, startCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { binariesProblem, kubernetesBinaries } from '../harness/kubernetes/shared'
import { problemOf } from '../harness/problems'

const problem = binariesProblem()
const suffix = problem ? ` (skipped: ${problem})` : ''
const opened: (() => unknown)[] = []
let cluster: OwnCluster
let namespace: TestNamespace
let driver: Driver
let watcher: Watcher
let berth: CommandLine

beforeAll(async () => {
  if (problem) return
  cluster = await startCluster({ binaries: kubernetesBinaries(), images: [TEST_IMAGES.alpine] })
  namespace = await cluster.makeNamespace()
  const { platform, dispose } = testPlatform({ KUBECONFIG: namespace.kubeconfig })
  opened.push(dispose)
  const provider = createClusterProvider(platform, (parts) => new KubernetesDriver(parts))
  opened.push(
    provider.watchTargets(([target]) => {
      if (target) driver ??= provider.open(target)
    }),
  )
  opened.push(() => driver.dispose())
  watcher = new Watcher(driver)
  opened.push(() => watcher.stop())
  berth = await commandLine()
  opened.push(() => berth.dispose())
})

afterAll(async () => {
  for (const close of opened.reverse()) await close()
  await cluster?.dispose()
})

const kubectl = (...args: string[]) => cluster.kubectl('-n', namespace.name, ...args)
const uidOf = (kind: string, name: string) =>
  kubectl('get', kind, name, '--ignore-not-found', '-o', 'jsonpath={.metadata.uid}')
const env = () => ({ KUBECONFIG: namespace.kubeconfig, DOCKER_HOST: 'unix:///nobody-listens.sock' })

async function withNote(): Promise<WorkspaceSpec> {
  const spec = await makeWorkspace(driver, TEST_IMAGES.alpine)
  const { code } = await run(driver, spec.id, sh('echo kept > /workspaces/app/note'))
  expect(code).toBe(0)
  return spec
}

const isLost = (id: string) => watcher.workspaces.get(id)?.problem?.code === 'node-lost'

describe.skipIf(problem !== undefined)(`a node that is lost${suffix}`, () => {
  it('lets go of a workspace by force, after saying what that may mean, and keeps its data', async () => {
    const { id } = await withNote()
    const claim = await uidOf('persistentvolumeclaim', `ws-${id}`)
    await cluster.stopKubelet()
    try {
      await watcher.until(() => isLost(id), 'that its node is lost', 120_000)

      // Nobody can say that it has ended: that is told at once, and not waited for.
      const stuck = await problemOf(driver.stop(id, { grace: 1_000 }, new Recorder(), never))
      expect(stuck).toMatchObject({
        code: 'node-lost',
        remedy: expect.stringContaining('by force'),
        actions: [{ kind: 'workspace', verb: 'force-stop', workspaceId: id }],
      })
      await watcher.until(() => isLost(id) && !isWanted(id), 'that it does not end')
      expect(watcher.workspaces.get(id)).toMatchObject({
        run: 'failed',
        problem: { actions: stuck?.actions },
      })
      expect(await uidOf('pod', `ws-${id}-0`)).not.toBe('')
      expect(await driver.diagnose(id, never)).toMatchObject([{ code: 'node-lost', actions: stuck?.actions }])
      // It is not started elsewhere behind the user's back, either.
      const start = await problemOf(driver.start(id, new Recorder(), never))
      expect(start).toMatchObject({ code: 'node-lost', actions: stuck?.actions })

      const refused = await berth.run(['stop', '--force', id, '--json'], { env: env() })
      expect(refused.code).toBe(2)
      const forced = await berth.run(['stop', '--force', '--yes', id, '--json'], { env: env() })
      expect(forced.stderr).toContain('the old programs go on there')
      const { survival, operation } = ActionDocument.parse(JSON.parse(forced.stdout.toString()))
      expect(operation.state).toBe('succeeded')
      expect(survival?.kept.map(({ path }) => path)).toContain('/workspaces/app')
      expect(await uidOf('pod', `ws-${id}-0`)).toBe('')
      expect(await kubectl('get', 'statefulset', `ws-${id}`, '-o', 'jsonpath={.spec.replicas}')).toBe('0')
      await watcher.until(() => watcher.workspaces.get(id)?.run === 'stopped', 'that it is stopped')
    } finally {
      await cluster.startKubelet()
    }
    await kubectl('wait', '--for=condition=Ready', 'node/localhost', '--timeout=120s')
    await driver.start(id, new Recorder(), never)
    const note = await run(driver, id, sh('cat /workspaces/app/note'))
    expect(note.stdout).toBe('kept\n')
    expect(await uidOf('persistentvolumeclaim', `ws-${id}`)).toBe(claim)
    await driver.remove(id, new Recorder(), never)
  })

  it('lets a delete that waits for it come to its end', async () => {
    const { id } = await withNote()
    await cluster.stopKubelet()
    try {
      await watcher.until(() => isLost(id), 'that its node is lost', 120_000)
      const stuck = await problemOf(driver.remove(id, new Recorder(), never))
      expect(stuck).toMatchObject({ code: 'node-lost', actions: [{ verb: 'force-stop', workspaceId: id }] })
      await watcher.until(
        () => watcher.workspaces.get(id)?.reason.startsWith('Being deleted') === true,
        'that it is being deleted',
      )
      const shown = await berth.run(['list', '--json'], { env: env() })
      const [listed] = ListDocument.parse(JSON.parse(shown.stdout.toString())).workspaces
      expect(listed).toMatchObject({ id, state: 'failed', problem: { code: 'node-lost' } })
      await driver.stop(id, { grace: 0, force: true }, new Recorder(), never)
      await watcher.until(() => !watcher.workspaces.has(id), 'that it is gone')
      const kinds = 'statefulsets,pods,persistentvolumeclaims,secrets,networkpolicies'
      expect(await kubectl('get', kinds, '-l', `berth.dev/workspace=${id}`, '-o', 'name')).toBe('')
    } finally {
      await cluster.startKubelet()
    }
  })
})

/** Whether the cluster goes on trying to have it run, by the words that are shown. */
function isWanted(id: string): boolean {
  return watcher.workspaces.get(id)?.reason === 'Its node does not answer'
}

describe.skipIf(problem !== undefined)(`a start that cannot succeed${suffix}`, () => {
  it('goes on trying until it is given up, or what was missing is there', async () => {
    await kubectl('wait', '--for=condition=Ready', 'node/localhost', '--timeout=120s')
    const spec = await makeWorkspace(driver, TEST_IMAGES.alpine)
    const { id } = spec
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)
    const selector = (value: object | null) =>
      kubectl(
        ...['patch', 'statefulset', `ws-${id}`, '--type=merge', '-p'],
        JSON.stringify({ spec: { template: { spec: { nodeSelector: value } } } }),
      )
    await selector({ disk: 'ssd' })
    const answer = await berth.run(['start', id, '--json'], { env: env() })
    const told = ProblemDocument.parse(JSON.parse(answer.stdout.toString())).problem
    expect(told).toMatchObject({
      code: 'unschedulable',
      cause: expect.stringContaining('disk=ssd'),
      actions: [{ verb: 'start' }, { verb: 'stop' }],
    })
    const text = await berth.run(['start', id], { env: env() })
    expect(text.stderr).toContain(`Stop trying: berth stop ${id}`)

    // Given up: nothing is left of the try, and nothing of the data is touched.
    const pod = await uidOf('pod', `ws-${id}-0`)
    expect(pod).not.toBe('')
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)
    expect(await uidOf('pod', `ws-${id}-0`)).toBe('')
    expect(await uidOf('persistentvolumeclaim', `ws-${id}`)).not.toBe('')
    expect(await driver.diagnose(id, never)).toEqual([])

    // Tried again once the cause is gone.
    await selector(null)
    await driver.start(id, new Recorder(), never)
    expect((await run(driver, id, sh('exit 3'))).code).toBe(3)
    await driver.remove(id, new Recorder(), never)
  })
})
