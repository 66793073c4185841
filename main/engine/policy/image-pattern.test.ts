import { describe, expect, test } from 'vitest'
import { matchesDenied, matchesImage } from './image-pattern'

const digest = `sha256:${'a'.repeat(64)}`

describe('a pattern of images', () => {
  test.each([
    ['debian', 'debian'],
    ['debian', 'debian:bookworm'],
    ['debian', 'docker.io/library/debian'],
    ['debian', 'index.docker.io/library/debian:12'],
    ['docker.io/library/debian', 'debian'],
    ['docker.io/library/*', `debian@${digest}`],
    ['docker.io/debian', 'library/debian'],
    ['docker.io/**', 'team/tool'],
    ['docker.io/', 'debian'],
    ['team/*', 'docker.io/team/tool:1'],
    ['ghcr.io/team/', 'ghcr.io/team/a/b:2'],
    ['ghcr.io/team/**', 'GHCR.io/team/a/b:2'],
    ['ghcr.io/team/**', 'ghcr.io:443/team/a'],
    ['localhost:5000/*', 'localhost:5000/tool'],
    ['*.example/tools/*', 'mirror.example/tools/a'],
    ['debian:12*', 'debian:12-slim'],
    ['debian:latest', 'debian'],
    ['debian@sha256:*', `debian:12@${digest}`],
    [`debian@${digest}`, `debian@${digest}`],
    ['**', digest],
  ])('%s means %s', (pattern, image) => {
    expect(matchesImage(pattern, image)).toBe(true)
  })

  test.each([
    ['debian', 'debian-slim'],
    ['debian', 'evil/debian'],
    ['debian', 'evil.example/library/debian'],
    ['docker.io/library/*', 'evil.example/docker.io/library/debian'],
    ['docker.io/library/*', 'docker.io.evil.example/library/debian'],
    ['docker.io/library/*', 'docker.io/library/a/b'],
    ['docker.io/**', 'evil.example/debian'],
    ['docker.io/', 'docker.io.evil.example/debian'],
    ['ghcr.io/team/', 'ghcr.io/team-evil/a'],
    ['ghcr.io/team/**', 'ghcr.io/teams/a'],
    ['ghcr.io/team/', 'ghcr.io/team'],
    ['*.example/tools/*', 'evil.com/a.example/tools/x'],
    ['localhost:5000/*', 'localhost:5001/tool'],
    ['debian:12*', 'debian:11'],
    ['debian:12*', 'debian'],
    // The tag says nothing of what is behind the digest.
    ['debian:12', `debian:12@${digest}`],
    ['debian@sha256:*', 'debian:12'],
    ['docker.io/library/*', digest],
    ['docker.io/library/*', 'a'.repeat(64)],
    ['docker.io/library/*', '0123456789ab'],
    // What an engine may take for the beginning of an id.
    ['docker.io/library/*', '0ab'],
  ])('%s does not mean %s', (pattern, image) => {
    expect(matchesImage(pattern, image)).toBe(false)
  })

  test('refuses a tag with a digest behind it, too', () => {
    expect(matchesDenied('debian:buster', `debian:buster@${digest}`)).toBe(true)
    expect(matchesDenied('debian:buster', `debian@${digest}`)).toBe(false)
    expect(matchesDenied('docker.io/evil/**', 'registry-1.docker.io/evil/x')).toBe(true)
  })

  test('takes no time that grows with its stars', () => {
    const pattern = `docker.io/library/${'*a'.repeat(100)}b`
    expect(matchesImage(pattern, `docker.io/library/${'a'.repeat(400)}`)).toBe(false)
  })
})
