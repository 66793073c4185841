import { expect, test } from 'vitest'
import { Settings, SettingsChange } from './settings'

test('a change says nothing of the fields that it leaves out', () => {
  expect(SettingsChange.parse({ theme: 'dark' })).toStrictEqual({ theme: 'dark' })
  expect(SettingsChange.parse({})).toStrictEqual({})
})

test('the default target can be taken back', () => {
  const change = SettingsChange.parse({ defaultTarget: undefined })
  expect(Object.keys(change)).toStrictEqual(['defaultTarget'])
})

test('namespaces are given by context, and are names that Kubernetes takes', () => {
  const valid = (names: unknown) => Settings.safeParse({ kubernetesNamespaces: names }).success
  expect(Settings.parse({}).kubernetesNamespaces).toEqual({})
  expect(valid({ 'arn:aws:eks:eu-west-1:1:cluster/one': ['team-a', 'team-b'] })).toBe(true)
  for (const wrong of ['', 'Team', 'a/b', '../x', '-a', 'a'.repeat(64)])
    expect(valid({ c: [wrong] })).toBe(false)
  expect(valid({ c: [] })).toBe(false)
})
