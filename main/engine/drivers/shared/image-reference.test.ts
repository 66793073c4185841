import { describe, expect, it } from 'vitest'
import { parseReference } from './image-reference'

describe('parseReference', () => {
  it.each([
    ['debian', 'debian', 'latest', 'docker.io'],
    ['debian:bookworm', 'debian', 'bookworm', 'docker.io'],
    ['user/name:1', 'user/name', '1', 'docker.io'],
    ['ghcr.io/a/b', 'ghcr.io/a/b', 'latest', 'ghcr.io'],
    ['localhost/a:1', 'localhost/a', '1', 'localhost'],
    ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b', 'latest', '127.0.0.1:5000'],
    ['host:5000/a:2', 'host:5000/a', '2', 'host:5000'],
    ['a@sha256:00', 'a', 'sha256:00', 'docker.io'],
    ['a:1@sha256:00', 'a', 'sha256:00', 'docker.io'],
  ])('%s', (text, name, version, registry) => {
    expect(parseReference(text)).toEqual({ name, version, registry })
  })
})
