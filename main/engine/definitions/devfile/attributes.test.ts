import { expect, test } from 'vitest'
import { container, read } from './reading.test-helper'

test('attributes that change what a workspace has are named, and others are not', async () => {
  const fields = async (attributes: string) =>
    (await read(`attributes: {${attributes}}\n${container}`)).notApplied.map(({ field }) => field)
  expect(await fields('controller.devfile.io/scc: container-build, anything: {a: 1}')).toEqual([
    'attributes.controller.devfile.io/scc',
  ])
  expect(await fields('controller.devfile.io/storage-type: ephemeral')).toEqual([
    'attributes.controller.devfile.io/storage-type',
  ])
  expect(await fields('controller.devfile.io/storage-type: per-workspace')).toEqual([])
})
