import { describe, expect, it } from 'vitest'
import { pullProblem } from './image-problems'

const failure = { image: 'a/b:1', registry: 'docker.io', targetName: 'default', authenticated: false }

describe('pullProblem', () => {
  it.each([
    ['manifest for a/b:1 not found: manifest unknown: manifest unknown', 'image-not-found'],
    [
      "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'image-not-found',
    ],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', 'image-platform'],
    ['Head "https://r/v2/a/b/manifests/1": no basic auth credentials', 'registry-auth'],
    ['unauthorized: incorrect username or password', 'registry-auth'],
    [
      'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host',
      'registry-unreachable',
    ],
    ['Get "https://r/v2/": net/http: TLS handshake timeout', 'registry-unreachable'],
    ['toomanyrequests: You have reached your pull rate limit.', 'registry-unreachable'],
    ['write /var/lib/docker/tmp/x: no space left on device', 'disk-full'],
  ])('%s', (message, code) => {
    const problem = pullProblem(message, failure)
    expect(problem.code).toBe(code)
    expect(problem.detail).toBe(message)
    expect(problem.remedy).not.toBe('')
  })

  it('takes a refusal for a matter of the login when there was one', () => {
    const message = 'pull access denied for a/b, repository does not exist'
    expect(pullProblem(message, { ...failure, authenticated: true }).code).toBe('registry-auth')
  })
})
