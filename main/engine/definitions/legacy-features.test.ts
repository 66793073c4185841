import { describe, expect, it } from 'vitest'
import { currentFeature } from './legacy-features'

describe('names of Features from before registries', () => {
  it.each([
    ['node', 'ghcr.io/devcontainers/features/node:1', undefined],
    ['golang', 'ghcr.io/devcontainers/features/go:1', undefined],
    ['maven', 'ghcr.io/devcontainers/features/java:1', 'installMaven'],
    ['microsoft/vscode-dev-containers/python@v0.1', 'ghcr.io/devcontainers/features/python:1', undefined],
    ['owner/repo/tool', 'https://github.com/owner/repo/releases/latest/download/tool.tgz', undefined],
    ['owner/repo/tool@v1.2', 'https://github.com/owner/repo/releases/download/v1.2/tool.tgz', undefined],
  ])('%s is %s today', (text, reference, option) => {
    expect(currentFeature(text)).toEqual({ reference, ...(option === undefined ? {} : { option }) })
  })

  it.each([
    'fish',
    'constructor',
    'ghcr.io/n/a:1',
    'registry.test/n/a',
    'localhost/n/a',
    './a/b/c',
    'a/b/c/d',
    '',
  ])('leaves %j alone', (text) => expect(currentFeature(text)).toBeUndefined())
})
