import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { ProblemError } from '#contract'
import { never } from '../../conformance/harness'
import { TEST_IMAGES } from '../../harness/images'
import { type ClusterRig, withClusterRig } from '../cluster-rig'

// On a current cluster: the API server of the oldest, as it is built for tests, falls over its first custom object.

let cluster: ClusterRig['cluster']
let machine: ClusterRig['machine']
let namespace: ClusterRig['namespace']
let rig: ClusterRig['rig']
let source: ClusterRig['source']
withClusterRig((made) => {
  ;({ cluster, machine, namespace, rig, source } = made)
})

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

it('a devfile whose parent is an object of the cluster is told what that does not have or allow, and has what it has', async () => {
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
  await cluster.kubectl('wait', '--for=condition=Established', `crd/${resource}`, '--timeout=120s')
  await expect.poll(async () => (await problemOf('team')).cause).toContain('There is no such object')
  const template = {
    apiVersion: 'workspace.devfile.io/v1alpha2',
    kind: 'DevWorkspaceTemplate',
    metadata: { name: 'team', namespace: namespace.name },
    spec: {
      components: [{ name: 'dev', container: { image: TEST_IMAGES.debian, memoryLimit: '1Gi' } }],
      commands: [{ id: 'test', exec: { component: 'dev', commandLine: 'make test' } }],
    },
  }
  // What the server has of kinds, which kubectl asks for, follows later than what it serves.
  await vi.waitFor(() => apply(template), { interval: 500 })
  const { definition } = await plan('team')
  expect(definition).toMatchObject({
    format: 'devfile',
    image: TEST_IMAGES.debian,
    hostRequirements: { memory: 64 * 1024 ** 2 },
    tasks: [{ name: 'test' }],
  })
})
