import { describe, expect, test } from 'vitest'
import { fileOfPage } from './forge-page'

describe('a page of a forge', () => {
  test.each([
    [
      'https://github.com/team/base/blob/main/dev/devfile.yaml',
      'https://raw.githubusercontent.com/team/base/main/dev/devfile.yaml',
    ],
    [
      'https://git.example.com/a/b/c/-/blob/v1/devfile.yaml',
      'https://git.example.com/a/b/c/-/raw/v1/devfile.yaml',
    ],
    [
      'https://bitbucket.org/team/base/src/main/devfile.yaml',
      'https://bitbucket.org/team/base/raw/main/devfile.yaml',
    ],
  ])('%s leads to its file', (page, file) => {
    expect(fileOfPage(page)).toBe(file)
  })

  test.each([
    'https://github.com/team/base/raw/main/devfile.yaml',
    'https://github.com/team/base/blob/main',
    'https://raw.githubusercontent.com/team/base/main/blob/x/devfile.yaml',
    'https://example.com/team/base/blob/main/devfile.yaml',
    'https://bitbucket.org/team/base/raw/main/src/a/devfile.yaml',
  ])('%s stays as it is', (address) => {
    expect(fileOfPage(address)).toBe(address)
  })
})
