import { describe, expect, it } from 'vitest'
import { parseFeatureReference, withoutVersion } from './feature-reference'

describe('parseFeatureReference', () => {
  const digest = `sha256:${'a'.repeat(64)}`

  it.each([
    ['ghcr.io/devcontainers/features/node', 'ghcr.io', 'devcontainers/features', 'node', { tag: 'latest' }],
    ['GHCR.io/Owner/Repo/Go:1.2', 'ghcr.io', 'owner/repo', 'go', { tag: '1.2' }],
    ['localhost:5000/n/a', 'localhost:5000', 'n', 'a', { tag: 'latest' }],
    ['registry:5000/n/a:1', 'registry:5000', 'n', 'a', { tag: '1' }],
    [`ghcr.io/n/a@${digest}`, 'ghcr.io', 'n', 'a', { digest }],
    [`ghcr.io/n/a:1@${digest}`, 'ghcr.io', 'n', 'a', { digest }],
  ])('takes %s apart', (text, registry, namespace, id, version) => {
    expect(parseFeatureReference(text)).toEqual({
      kind: 'registry',
      registry,
      namespace,
      id,
      resource: `${registry}/${namespace}/${id}`,
      ...version,
    })
  })

  it('knows folders and tarballs', () => {
    expect(parseFeatureReference('./a/b')).toEqual({ kind: 'folder', path: './a/b' })
    expect(parseFeatureReference('../a')).toEqual({ kind: 'folder', path: '../a' })
    const url = 'https://a.test/devcontainer-feature-go.tgz?x=1'
    expect(parseFeatureReference(url)).toEqual({ kind: 'tarball', url })
  })

  it.each([
    ['fish', /^Write where it is published, for example "ghcr\.io\/owner\/repository\/fish:1"/],
    ['constructor', /published/],
    ['owner/repo/tool', /"ghcr\.io\/owner\/repo\/tool:1"/],
  ])('tells what to write in place of %s', (text, remedy) => {
    expect(parseFeatureReference(text)).toMatchObject({
      wanted: expect.stringMatching(/the registry that it comes from/),
      remedy: expect.stringMatching(remedy),
    })
  })

  it.each([
    '',
    'ghcr.io/node',
    'ghcr.io//node',
    'ghcr.io/n/a:',
    'ghcr.io/n/a:1:2',
    'ghcr.io/n/a@sha256:abc',
    `ghcr.io/n/a@${digest}@${digest}`,
    'ghcr.io/n/../a',
    'ghcr.io/n/a b',
    'ghcr.io/n/a\n',
    'http://a.test/f.tgz',
    'https://a.test/f.zip',
    'https://me:secret@a.test/f.tgz',
    'https://',
    'file:///etc/f.tgz',
    '/absolute',
    `ghcr.io/n/${'a'.repeat(600)}`,
    `${'a-'.repeat(240)}/n/a`,
  ])('refuses %j with a remedy', (text) => {
    const parsed = parseFeatureReference(text)
    expect(parsed).toMatchObject({ wanted: expect.any(String), remedy: expect.stringMatching(/\.$/) })
  })

  it('knows what is meant by any version', () => {
    const of = (text: string) => {
      const parsed = parseFeatureReference(text)
      return 'wanted' in parsed ? undefined : withoutVersion(parsed)
    }
    expect(of('ghcr.io/N/A:1')).toBe('ghcr.io/n/a')
    expect(of('./x')).toBe('./x')
  })
})
