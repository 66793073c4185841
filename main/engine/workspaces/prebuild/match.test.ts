import { describe, expect, it } from 'vitest'
import type { PrebuildRecord } from '#contract'
import type { PrebuildImage } from '../../drivers/driver'
import type { GitSource } from '../git'
import { matchPrebuild, prebuildIdOf } from './match'
import { repositoryOf } from './repository'

const commit = (digit: string) => digit.repeat(40)
const url = 'https://example.com/owner/project'

function image(fields: Partial<PrebuildRecord> = {}): PrebuildImage {
  const record: PrebuildRecord = {
    version: 1,
    id: '000000000000',
    url,
    commit: commit('a'),
    madeAt: 1,
    platform: 'linux/amd64',
    fields: { image: 'x', onCreateCommand: 'y' },
    bases: [],
    ...fields,
  }
  return { reference: `berth/prebuild:${record.id}`, imageId: `sha256:${record.id}`, record, size: 1 }
}

const wanted = {
  source: { kind: 'git', url } as GitSource,
  fields: { image: 'x', onCreateCommand: 'y' },
  platform: 'linux/amd64',
  commit: commit('b'),
}
const fresh = () => undefined

describe('the prebuild that fits', () => {
  it('is the one of the commit, else of the branch, else the newest', () => {
    const newest = image({ id: '000000000001', madeAt: 9, ref: 'other' })
    const branch = image({ id: '000000000002', madeAt: 2 })
    const exact = image({ id: '000000000003', ref: 'third', commit: commit('b') })
    expect(matchPrebuild(wanted, [newest, branch, exact], fresh)).toEqual({ image: exact, isSame: true })
    expect(matchPrebuild(wanted, [newest, branch], fresh)).toEqual({ image: branch, isSame: false })
    expect(matchPrebuild(wanted, [newest], fresh)).toEqual({ image: newest, isSame: false })
  })

  it('is none of another commit than is known, where the server does not tell', () => {
    const match = matchPrebuild({ ...wanted, commit: undefined }, [image()], fresh)
    expect(match).toMatchObject({ isSame: false })
  })

  it.each([
    ['No prebuild of this repository is here', { url: 'https://example.com/owner/another' }],
    ['The prebuild was made for another platform: linux/arm64', { platform: 'linux/arm64' }],
    [
      'The definition has changed since the prebuild was made: image, remoteUser',
      { fields: { image: 'z', onCreateCommand: 'y', remoteUser: 'u' } },
    ],
  ])('is missing, and why: %s', (miss, fields) => {
    expect(matchPrebuild(wanted, [image(fields)], fresh)).toMatchObject({ miss })
  })

  it('is missing where what it stands on is newer, unless another one is of now', () => {
    const old = image({ id: '000000000001' })
    const now = image({ id: '000000000002' })
    const stale = (record: PrebuildRecord) => (record.id === old.record.id ? 'debian:12' : undefined)
    expect(matchPrebuild(wanted, [old], stale)).toEqual({
      miss: "Its base image is newer than the prebuild's: debian:12",
    })
    expect(matchPrebuild(wanted, [old, now], stale)).toMatchObject({ image: now })
  })
})

describe('a repository', () => {
  it.each([
    'https://example.com/owner/project.git',
    'https://EXAMPLE.com:443/owner/project/',
    'ssh://git@example.com:22/owner/project.git',
    'git@example.com:owner/project.git',
    'git://example.com/owner/project',
  ])('is the same by %s', (other) => {
    expect(repositoryOf(other)).toBe('example.com/owner/project')
  })

  it('is another one on another port, and of this machine only itself', () => {
    expect(repositoryOf('https://example.com:8443/owner/project')).toBe('example.com:8443/owner/project')
    expect(repositoryOf('file:///srv/project.git')).toBe('file:///srv/project.git')
  })

  it('has one prebuild for each branch and choice of definition', () => {
    const source = (name?: string): GitSource => ({
      kind: 'git',
      url,
      ...(name && { ref: { kind: 'branch', name } }),
    })
    const ids = [
      prebuildIdOf(source(), {}),
      prebuildIdOf(source('next'), {}),
      prebuildIdOf(source(), { image: 'debian' }),
      prebuildIdOf(source(), { definitionPath: '.gitpod.yml' }),
    ]
    expect(new Set(ids).size).toBe(4)
    expect(prebuildIdOf(source(), {})).toBe(ids[0])
  })
})
