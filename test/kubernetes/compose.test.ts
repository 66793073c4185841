import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { never } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { Machine, Rig, writeFiles } from '../workspaces/rig'

// What Compose files and devfiles say that only a cluster can tell whether it was done.

let cluster: TestCluster
let namespace: TestNamespace
let machine: Machine
let rig: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  rig = new Rig(machine, { kind: 'kubernetes' })
  await rig.service.settled
})
afterAll(async () => {
  for (const { id } of rig?.service.workspaces.list() ?? []) await rig.act('delete', id)
  await rig?.dispose()
  machine?.dispose()
  await namespace?.dispose()
})

function source(name: string, files: Readonly<Record<string, string>>) {
  const path = join(machine.home, name)
  mkdirSync(path)
  writeFiles(path, files)
  return { kind: 'folder' as const, path }
}

interface PodJson {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string
      readonly resources: { readonly requests?: object; readonly limits?: object }
      readonly securityContext: { readonly capabilities?: { readonly add?: readonly string[] } }
    }[]
  }
  readonly status: {
    readonly containerStatuses: readonly { readonly name: string; readonly restartCount: number }[]
  }
}

it('gives services what was allowed, amounts that a quota wants to be told, and one run of what ends', async () => {
  await namespace.makeQuota('amounts', 'requests.cpu=2,requests.memory=2Gi,limits.memory=2Gi')
  const image = TEST_IMAGES.alpine
  const folder = source('composed', {
    '.devcontainer.json': JSON.stringify({ dockerComposeFile: 'compose.yml', service: 'app' }),
    'compose.yml': JSON.stringify({
      services: {
        app: { image, command: 'sleep infinity' },
        db: {
          image,
          command: ['sleep', '86400'],
          cap_add: ['SYS_PTRACE'],
          deploy: {
            resources: { limits: { memory: '256M' }, reservations: { cpus: '0.02', memory: '16M' } },
          },
        },
        bad: {
          image,
          entrypoint: ['sh', '-c', 'echo ran >> /data/ran; exit 3'],
          volumes: ['data:/data'],
          depends_on: ['db'],
        },
        seen: { image, command: ['sleep', '86400'], volumes: ['data:/data'] },
      },
      volumes: { data: null },
    }),
  })
  const { id } = await rig.up(folder, {
    allowRights: true,
    kubernetes: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  })
  const read = async (): Promise<PodJson> =>
    JSON.parse(await namespace.kubectl('get', 'pod', `ws-${id}-0`, '-o', 'json'))
  const of = (pod: PodJson, name: string) => pod.spec.containers.find((one) => one.name === `service-${name}`)
  const pod = await read()
  expect(of(pod, 'db')?.securityContext.capabilities?.add).toContain('SYS_PTRACE')
  expect(of(pod, 'seen')?.securityContext.capabilities?.add).not.toContain('SYS_PTRACE')
  expect(of(pod, 'db')?.resources).toEqual({
    requests: { cpu: '20m', memory: '16Mi' },
    limits: { memory: '256Mi' },
  })
  expect(of(pod, 'seen')?.resources).toEqual({
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '512Mi' },
  })
  const restarts = ({ status }: PodJson) =>
    status.containerStatuses.find(({ name }) => name === 'service-bad')?.restartCount ?? 0
  await expect.poll(async () => restarts(await read()), { timeout: 60_000 }).toBeGreaterThan(0)
  await expect
    .poll(() => rig.workspace(id).services?.find(({ name }) => name === 'bad'), { timeout: 60_000 })
    .toMatchObject({ state: 'failed', reason: 'It ended with code 3' })
  const ran = await namespace.kubectl('exec', `ws-${id}-0`, '-c', 'service-seen', '--', 'cat', '/data/ran')
  expect(ran).toBe('ran\n')
})

describe('a devfile whose parent is an object of the cluster', () => {
  const resource = 'devworkspacetemplates.workspace.devfile.io'
  const apply = async (object: object) => {
    const file = join(machine.home, 'object.json')
    writeFileSync(file, JSON.stringify(object))
    await cluster.kubectl('apply', '-f', file)
  }
  const plan = async (name: string, where = '') => {
    const devfile = `schemaVersion: 2.2.0\nparent:\n  kubernetes: {name: ${name}${where}}\n  components: [{name: dev, container: {memoryRequest: 64Mi}}]\n`
    const folder = source(`devfile-${Math.random().toString(36).slice(2)}`, { 'devfile.yaml': devfile })
    return rig.service.handlers['workspaces.preview']({ source: folder }, never)
  }
  const problemOf = async (...wanted: Parameters<typeof plan>) => {
    const error = await plan(...wanted).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${String(error)}`)
    return error.problem
  }

  afterAll(() => cluster?.kubectl('delete', 'crd', resource, '--ignore-not-found'))

  it('is told what the cluster does not have or allow, and has what it has', async () => {
    expect((await problemOf('team', ', namespace: kube-system')).cause).toMatch(
      /^Line 3, column \d+: You may not read .*"team" of the namespace "kube-system"/,
    )
    await namespace.setRules([
      ...(await namespace.rules()),
      { apiGroups: ['workspace.devfile.io'], resources: ['devworkspacetemplates'], verbs: ['get'] },
    ])
    expect((await problemOf('team')).cause).toContain('The cluster has no DevWorkspaceTemplates')
    await apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: resource },
      spec: {
        group: 'workspace.devfile.io',
        scope: 'Namespaced',
        names: {
          kind: 'DevWorkspaceTemplate',
          plural: 'devworkspacetemplates',
          singular: 'devworkspacetemplate',
        },
        versions: [
          {
            name: 'v1alpha2',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        ],
      },
    })
    await cluster.kubectl('wait', '--for=condition=Established', `crd/${resource}`, '--timeout=60s')
    await expect
      .poll(async () => (await problemOf('team')).cause, { timeout: 30_000 })
      .toContain('There is no such object')
    await apply({
      apiVersion: 'workspace.devfile.io/v1alpha2',
      kind: 'DevWorkspaceTemplate',
      metadata: { name: 'team', namespace: namespace.name },
      spec: {
        components: [{ name: 'dev', container: { image: TEST_IMAGES.debian, memoryLimit: '1Gi' } }],
        commands: [{ id: 'test', exec: { component: 'dev', commandLine: 'make test' } }],
      },
    })
    const { definition } = await plan('team')
    expect(definition).toMatchObject({
      format: 'devfile',
      image: TEST_IMAGES.debian,
      hostRequirements: { memory: 64 * 1024 ** 2 },
      tasks: [{ name: 'test' }],
    })
  })
})
