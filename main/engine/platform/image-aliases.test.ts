import { describe, expect, it } from 'vitest'
import { aliasOf } from './image-aliases'

const sha = `sha256:${'0'.repeat(64)}`

describe('aliasOf', () => {
  it.each([
    // A whole name, with a tag: only that one, however it is written.
    ['debian:bookworm', 'debian:bookworm', 'a.example/d:1', 'a.example/d:1'],
    ['debian:bookworm', 'docker.io/library/debian:bookworm', 'a.example/d', 'a.example/d'],
    ['index.docker.io/debian:bookworm', 'debian:bookworm', 'a.example/d:1', 'a.example/d:1'],
    ['debian', 'debian:latest', 'a.example/d:1', 'a.example/d:1'],
    ['debian:trixie', 'debian:bookworm', 'a.example/d:1', undefined],
    // Without one: every tag, which goes along where the other name has none.
    ['debian:trixie', 'debian', 'a.example/d', 'a.example/d:trixie'],
    ['debian', 'library/debian', 'a.example/d', 'a.example/d'],
    ['debian:trixie', 'debian', 'a.example/d:1', 'a.example/d:1'],
    [`debian:1@${sha}`, 'debian', 'a.example/d', `a.example/d:1@${sha}`],
    // A digest pins: a tag's alias has nothing to say about it.
    [`debian:1@${sha}`, 'debian:1', 'a.example/d', undefined],
    [`debian:1@${sha}`, `debian@${sha}`, 'a.example/d', 'a.example/d'],
    // A beginning.
    ['debian', 'docker.io/library/', 'm.example/library/', 'm.example/library/debian'],
    ['user/app:2', 'docker.io/library/', 'm.example/library/', undefined],
    ['user/app:2', 'docker.io/', 'm.example/', 'm.example/user/app:2'],
    ['user/app:2', 'user/', 'm.example/u/', 'm.example/u/app:2'],
    [`ghcr.io/a/b@${sha}`, 'ghcr.io/', 'm.example:5000/', `m.example:5000/a/b@${sha}`],
    ['ghcr.io/ab/c', 'ghcr.io/a/', 'm.example/', undefined],
    ['localhost:5000/x:1', 'localhost:5000/', 'm.example/', 'm.example/x:1'],
    // However the registry is written, it is the same.
    ['registry-1.docker.io/library/debian:1', 'docker.io/', 'm.example/', 'm.example/library/debian:1'],
    ['GHCR.io:443/a/b', 'ghcr.io/a/', 'm.example/', 'm.example/b'],
    // A name that merely begins the same.
    ['debian-slim', 'debian', 'a.example/d', undefined],
    ['ghcr.io/debian', 'debian', 'a.example/d', undefined],
  ])('%s by %s -> %s', (asked, from, to, image) => {
    expect(aliasOf(asked, { [from]: to })?.image).toBe(image)
  })

  it('takes the longest match, and maps what comes out no further', () => {
    const aliases = {
      'docker.io/': 'one.example/',
      'docker.io/library/': 'two.example/',
      debian: 'three.example/debian',
      'debian:bookworm': 'debian:trixie',
      'debian:trixie': 'never.example/x',
    }
    expect(aliasOf('debian:bookworm', aliases)).toEqual({ image: 'debian:trixie', by: 'debian:bookworm' })
    expect(aliasOf('debian:12', aliases)?.image).toBe('three.example/debian:12')
    expect(aliasOf('alpine', aliases)?.image).toBe('two.example/alpine')
    expect(aliasOf('user/app', aliases)?.image).toBe('one.example/user/app')
    expect(aliasOf('ghcr.io/user/app', aliases)).toBeUndefined()
  })
})
