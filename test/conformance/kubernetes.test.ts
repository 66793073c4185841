import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { root } from '../../scripts/setup/folders.mjs'
import { driverConformance } from './driver.conformance'
import { kubernetesHarness } from './kubernetes-harness'

const harness = kubernetesHarness()
beforeAll(() => harness.prepare())
afterAll(() => harness.dispose())

it('is done as a user who may do what the Role says, and nothing else', async () => {
  const objects = async (kind: string) => JSON.parse(await harness.kubectl('get', kind, '-o', 'json')).items
  const [role, ...otherRoles] = await objects('roles')
  expect(role.rules).toEqual(parse(readFileSync(join(root, 'resources/kubernetes/role.yaml'), 'utf8')).rules)
  const [binding, ...otherBindings] = await objects('rolebindings')
  expect(binding).toMatchObject({ roleRef: { kind: 'Role', name: role.metadata.name } })
  const [subject] = binding.subjects
  expect([...otherRoles, ...otherBindings]).toEqual([])
  const clusterWide: { subjects?: { kind: string; name: string; namespace?: string }[] }[] =
    await objects('clusterrolebindings')
  expect(
    clusterWide
      .flatMap(({ subjects = [] }) => subjects)
      .filter(({ name, namespace }) => name === subject.name && namespace === subject.namespace),
  ).toEqual([])
})

driverConformance(harness)
