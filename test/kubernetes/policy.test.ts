import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActionDocument, PoliciesDocument, ProblemDocument } from '../../cli/documents'
import { type CommandLine, commandLine, uniqueName } from '../cli/berth'
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

const asAdmin = (...args: string[]) => cluster.kubectl('-n', namespace.name, ...args)
const policy = (spec: string) =>
  `apiVersion: berth.dev/v1\nkind: Policy\nmetadata:\n  name: namespace\nspec:\n${spec}`
const publish = async (text: string) => {
  await asAdmin('delete', 'configmap', 'berth-policy', '--ignore-not-found')
  await asAdmin('create', 'configmap', 'berth-policy', `--from-literal=berth.yaml=${text}`)
}
const up = (name: string, ...args: string[]) => [
  ...['up', '--image', TEST_IMAGES.alpine, '--target', context, '--name', name, '--storage', '1Gi', ...args],
]
async function refused(args: readonly string[]) {
  const { code, stdout } = await berth.run([...args, '--json'])
  expect(code, stdout.toString()).toBe(1)
  return ProblemDocument.parse(JSON.parse(stdout.toString())).problem
}

describe('a team policy in the ConfigMap of a namespace', () => {
  it('is looked for where that is allowed, and limits, labels and refuses', async () => {
    const name = uniqueName('policy')
    await publish(
      policy(`  images: { allowed: ["berth-test/*"] }
  resources: { max: { cpu: 500m, memory: 128Mi, storage: 2Gi }, default: { cpu: 20m, memory: 32Mi } }
  labels: { cost.example/center: "42" }
  env: { TEAM: blue }
`),
    )
    // The documented Role does not have the right: that is said, and no reason to fail.
    const before = await berth.json(PoliciesDocument, ['policy', 'list'])
    expect(before.policies).toMatchObject([{ state: 'unseen', problem: null }])

    await asAdmin(
      'create',
      'role',
      'policy',
      '--verb=get',
      '--resource=configmaps',
      '--resource-name=berth-policy',
    )
    await asAdmin('create', 'rolebinding', 'policy', '--role=policy', '--group=system:authenticated')
    // The server hears of the binding a moment later.
    const mayRead = () =>
      namespace
        .kubectl('get', 'configmap', 'berth-policy', '-o', 'name')
        .catch((error: unknown) => String(error))
    await expect.poll(mayRead, { interval: 500 }).toBe('configmap/berth-policy\n')
    const { policies } = await berth.json(PoliciesDocument, ['policy', 'list'])
    expect(policies).toMatchObject([{ state: 'current', name: 'namespace', origin: { kind: 'cluster' } }])

    expect(await refused(['up', '--image', 'evil.invalid/x', '--target', context])).toMatchObject({
      code: 'policy-refused',
      remedy: 'Allowed are berth-test/*.',
    })
    expect((await refused(up(name, '--cpu', '1'))).title).toBe('1 is more CPU than is allowed')
    expect((await refused(up(name, '--storage', '3Gi'))).title).toBe('3Gi is more storage than is allowed')

    const { workspace } = await berth.json(ActionDocument, up(name))
    try {
      expect(workspace?.state).toBe('running')
      const pod = JSON.parse(await namespace.kubectl('get', 'pod', `ws-${workspace?.id}-0`, '-o', 'json'))
      expect(pod.spec.containers[0].resources).toEqual({
        requests: { cpu: '20m', memory: '32Mi' },
        limits: { cpu: '500m', memory: '128Mi' },
      })
      expect(pod.metadata.labels['cost.example/center']).toBe('42')
      const env = await berth.run(['exec', name, '--', 'sh', '-c', 'echo $TEAM'])
      expect(env.stdout.toString().trim()).toBe('blue')
      expect((await refused(['grow', name, '5Gi'])).code).toBe('policy-refused')

      // A rebuild is as the policy says by then.
      await publish(policy('  resources: { max: { cpu: 300m } }\n'))
      await berth.json(ActionDocument, ['rebuild', name, '--yes'])
      const again = JSON.parse(await namespace.kubectl('get', 'pod', `ws-${workspace?.id}-0`, '-o', 'json'))
      expect(again.spec.containers[0].resources.limits).toEqual({ cpu: '300m', memory: '128Mi' })

      await publish(policy('  resource: {}\n'))
      const mistake = await refused(up(uniqueName('policy')))
      expect(mistake).toMatchObject({ code: 'policy-unreadable' })
      expect(mistake.cause).toContain('Line 6, column 3')
    } finally {
      await berth.run(['delete', name, '--yes'])
    }
  })
})
