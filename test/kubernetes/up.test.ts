import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActionDocument, ProblemDocument, TargetDocument } from '../../cli/documents'
import { type CommandLine, commandLine, uniqueName } from '../cli/berth'
import { newId } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'

let cluster: TestCluster
let namespace: TestNamespace
let berth: CommandLine
let context: string

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  berth = await commandLine()
  Object.assign(berth.env, { KUBECONFIG: namespace.kubeconfig })
  context = (await namespace.kubectl('config', 'current-context')).trim()
})
afterAll(async () => {
  await berth?.dispose()
  await namespace?.dispose()
})

const image = ['--image', TEST_IMAGES.alpine]
const upOn = (target: string, ...args: string[]) => ['up', ...image, '--target', target, ...args]
async function refused(args: readonly string[]) {
  const { code, stdout } = await berth.run([...args, '--json'])
  expect(code).toBe(1)
  return ProblemDocument.parse(JSON.parse(stdout.toString())).problem
}

describe('berth up on a cluster', () => {
  it('passes on what the workspace asks for, as kubectl then sees it', async () => {
    const name = uniqueName('asks')
    const { workspace, operation } = await berth.json(
      ActionDocument,
      upOn(
        context,
        ...[
          '--name',
          name,
          '--cpu',
          '50m',
          '--memory',
          '32Mi',
          '--memory-limit',
          '128Mi',
          '--storage',
          '1Gi',
        ],
        ...['--storage-class', 'on-first-use', '--toleration', 'gpu=yes:NoSchedule'],
        ...['--node-selector', 'kubernetes.io/os=linux', '--label', 'team=tides', '--annotation', 'note=a b'],
      ),
    )
    expect(workspace?.state).toBe('running')
    expect(operation.steps.map(({ title }) => title)).toContain('Making the volume and pod')
    const [pod, claim] = await Promise.all(
      [['pod', `ws-${workspace?.id}-0`] as const, ['pvc', `ws-${workspace?.id}`] as const].map(
        async ([kind, object]) => JSON.parse(await namespace.kubectl('get', kind, object, '-o', 'json')),
      ),
    )
    expect(pod.spec.containers[0].resources).toEqual({
      requests: { cpu: '50m', memory: '32Mi' },
      limits: { memory: '128Mi' },
    })
    expect(pod.spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux' })
    expect(pod.spec.tolerations).toContainEqual({
      key: 'gpu',
      operator: 'Equal',
      value: 'yes',
      effect: 'NoSchedule',
    })
    expect(pod.metadata.labels.team).toBe('tides')
    expect(pod.metadata.annotations.note).toBe('a b')
    expect(claim.spec).toMatchObject({
      storageClassName: 'on-first-use',
      resources: { requests: { storage: '1Gi' } },
    })
    await berth.json(ActionDocument, ['delete', workspace?.id ?? '', '--yes'])
    expect(
      await cluster.kubectl(
        '-n',
        namespace.name,
        'get',
        'statefulset,pod,pvc,secret,networkpolicy',
        '-l',
        'app.kubernetes.io/managed-by=berth',
        '-o',
        'name',
      ),
    ).toBe('')
  })

  it('says before anything is made that there is no room', async () => {
    await namespace.makeQuota('team', 'requests.cpu=500m')
    // Its controller may have seen a pod that has ended since.
    const path = 'jsonpath={.status.used.requests\\.cpu}'
    const used = () => cluster.kubectl('-n', namespace.name, 'get', 'quota', 'team', '-o', path)
    await expect.poll(used, { interval: 500 }).toBe('0')
    const { problem, room } = await roomOf()
    expect(problem).toBeNull()
    expect(room).toEqual([expect.objectContaining({ quota: 'team', resource: 'requests.cpu', left: '500m' })])
    expect(await refused(upOn(context, '--cpu', '2'))).toMatchObject({
      code: 'quota-exceeded',
      cause: expect.stringContaining('CPU: 2 asked for, 500m of 500m left in the quota "team"'),
      remedy: expect.stringContaining('Ask for less'),
    })
    expect(await namespace.kubectl('get', 'statefulset,pod,pvc', '-o', 'name')).toBe('')
    await cluster.kubectl('-n', namespace.name, 'delete', 'quota', 'team')

    async function roomOf() {
      const found = await berth.json(TargetDocument, ['targets', context])
      return { problem: found.target.restriction ?? null, room: found.room?.allowances }
    }
  })

  it('refuses amounts on Docker, and what is not an amount', async () => {
    const { code, stderr } = await berth.run(upOn(context, '--cpu', 'two'))
    expect(code).toBe(2)
    expect(stderr).toContain('--cpu: Write an amount')
    expect(await refused(upOn('docker:default', '--cpu', '1'))).toMatchObject({
      code: 'invalid-input',
      title: expect.stringContaining('Resources cannot be chosen'),
    })
  })
})

describe('the namespace of a workspace', () => {
  it('is made where that is asked for and allowed, and is a target from then on', async () => {
    const name = `berth-${newId()}`
    Object.assign(berth.env, { KUBECONFIG: cluster.kubeconfig })
    const admin = (await cluster.kubectl('config', 'current-context')).trim()
    try {
      const { workspace } = await berth.json(
        ActionDocument,
        upOn(admin, '--namespace', name, '--create-namespace', '--storage', '1Gi'),
      )
      expect(workspace?.target).toBe(`kubernetes:${admin}/${name}`)
      expect(await cluster.kubectl('-n', name, 'get', 'statefulset', '-o', 'name')).toContain(workspace?.id)
      // By its target's name alone, in another process.
      const { target } = await berth.json(TargetDocument, ['targets', `kubernetes:${admin}/${name}`])
      expect(target.state).toBe('ready')
      await berth.json(ActionDocument, ['delete', workspace?.id ?? '', '--yes'])
    } finally {
      await cluster.kubectl('delete', 'namespace', name, '--wait=false', '--ignore-not-found')
      Object.assign(berth.env, { KUBECONFIG: namespace.kubeconfig })
    }
  })

  it('is not made by who may not: the verb is named, and no target is left of it', async () => {
    const problem = await refused(upOn(`kubernetes:${context}/elsewhere`, '--create-namespace'))
    expect(problem).toMatchObject({
      code: 'target-forbidden',
      cause: expect.stringContaining('may not create namespaces'),
    })
    expect((await refused(['targets', `kubernetes:${context}/elsewhere`])).code).toBe('not-found')
  })
})
