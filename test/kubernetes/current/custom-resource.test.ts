import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { ApiClient } from '../../../main/engine/drivers/kubernetes/api'
import type { TestCluster } from '../../harness/kubernetes/cluster'
import type { TestNamespace } from '../../harness/kubernetes/namespaces'
import { sharedCluster } from '../../harness/kubernetes/shared'
import { clientOf } from '../pods'

const group = `test-${process.pid}.berth.dev`
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `quays.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'quays', singular: 'quay', kind: 'Quay' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { length: { type: 'integer' }, depth: { type: 'integer' } },
                'x-kubernetes-validations': [
                  { rule: 'self.depth < self.length', message: 'a quay is longer than deep' },
                ],
              },
            },
          },
        },
      },
    ],
  },
}

let cluster: TestCluster
let namespace: TestNamespace
let client: ApiClient
const folder = mkdtempSync(join(tmpdir(), 'berth-custom-resource-'))
const file = join(folder, 'objects.json')

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  client = clientOf(namespace)
  writeFileSync(file, JSON.stringify(definition))
  await cluster.kubectl('create', '-f', file)
  const right = { apiGroups: [group], resources: ['quays'], verbs: ['create', 'get'] }
  await namespace.setRules([...(await namespace.rules()), right])
  await cluster.kubectl('wait', '--for=condition=Established', `crd/quays.${group}`, '--timeout=120s')
  // The server serves it and tells of it a moment after it has been established.
  await vi.waitFor(() => cluster.kubectl('-n', namespace.name, 'get', `quays.${group}`), { interval: 500 })
})
afterAll(async () => {
  await cluster?.kubectl('delete', 'crd', `quays.${group}`, '--ignore-not-found')
  client?.dispose()
  await namespace?.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Asks for an object of the custom resource by Berth's own client. */
const make = (name: string, spec: object) =>
  client.json('POST', `/apis/${group}/v1/namespaces/${namespace.name}/quays`, {
    json: { apiVersion: `${group}/v1`, kind: 'Quay', metadata: { name }, spec },
  })

it('is refused by a rule in CEL of its definition, and the Problem has the rule’s own words', async () => {
  const refused = await make('deep', { length: 2, depth: 5 }).then(
    () => undefined,
    (error: unknown) => client.failure(error, 'The quay could not be made'),
  )
  expect(refused).toMatchObject({
    problem: {
      title: 'The quay could not be made',
      cause: expect.stringContaining('a quay is longer than deep'),
    },
  })
  await make('long', { length: 5, depth: 2 })
  expect(await cluster.kubectl('-n', namespace.name, 'get', `quays.${group}`, '-o', 'name')).toBe(
    `quay.${group}/long\n`,
  )
})
