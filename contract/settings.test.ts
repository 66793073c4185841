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

test('aliases of images are names for names, and beginnings for beginnings', () => {
  const valid = (from: string, to: string) => Settings.safeParse({ imageAliases: { [from]: to } }).success
  expect(Settings.parse({}).imageAliases).toEqual({})
  for (const [from, to] of [
    ['docker.io/library/', 'mirror.example:5000/library/'],
    ['localhost:5000/', 'mirror.example/'],
    ['mcr.microsoft.com/devcontainers/base:bookworm', 'debian:bookworm'],
    ['debian', `mirror.example/debian@sha256:${'a'.repeat(64)}`],
  ] as const)
    expect([from, valid(from, to)]).toEqual([from, true])
  for (const [from, to] of [
    ['debian', 'mirror.example/'],
    ['docker.io/', 'debian'],
    ['', 'debian'],
    ['/', 'a/'],
    ['debian', 'deb ian'],
    ['debian', 'a//b'],
    ['debian', 'https://a/b'],
    ['debian:', 'a'],
    ['debian', 'a:1:2'],
  ] as const)
    expect([from, to, valid(from, to)]).toEqual([from, to, false])
})

test('namespaces are given by context, and are names that Kubernetes takes', () => {
  const valid = (names: unknown) => Settings.safeParse({ kubernetesNamespaces: names }).success
  expect(Settings.parse({}).kubernetesNamespaces).toEqual({})
  expect(valid({ 'arn:aws:eks:eu-west-1:1:cluster/one': ['team-a', 'team-b'] })).toBe(true)
  for (const wrong of ['', 'Team', 'a/b', '../x', '-a', 'a'.repeat(64)])
    expect(valid({ c: [wrong] })).toBe(false)
  expect(valid({ c: [] })).toBe(false)
})
