import { describe, expect, it } from 'vitest'
import { kubernetesTargetId, parseKubernetesTargetId } from '#contract'
import { describeContexts } from './contexts'
import { mergeKubeconfigs } from './load'
import { parseKubeconfig } from './parse'

const contexts = (source: string, namespaces?: Record<string, string[]>) =>
  describeContexts(mergeKubeconfigs([parseKubeconfig('/k/config', source)]), namespaces)
const one = (source: string) => {
  const [context, ...more] = contexts(source)
  expect(more).toEqual([])
  return context
}
const config = (cluster: string, user = '{}', context = '') => `
clusters: [{name: c, cluster: ${cluster}}]
users: [{name: u, user: ${user}}]
contexts: [{name: x, context: {cluster: c, user: u${context}}}]
`
const good = '{server: "https://host:6443/"}'

describe('Kubernetes contexts', () => {
  it('are targets with the namespace of the context, else "default"', () => {
    expect(one(config(good))?.description).toEqual({
      id: 'kubernetes:x/default',
      name: 'x',
      endpoint: 'https://host:6443',
      isDefault: false,
    })
    expect(one(config(good, '{}', ', namespace: team'))?.description.id).toBe('kubernetes:x/team')
    expect(one(`current-context: x\n${config(good)}`)?.description.isDefault).toBe(true)
  })

  it('have the namespaces that the settings name, one of them the default', () => {
    const source = `current-context: x\n${config(good, '{}', ', namespace: own')}`
    const shown = (namespaces: string[]) =>
      contexts(source, { x: namespaces, y: ['z'] }).map(({ description: { id, name, isDefault } }) => [
        id,
        name,
        isDefault,
      ])
    expect(shown(['a', 'own', 'a'])).toEqual([
      ['kubernetes:x/a', 'x/a', false],
      ['kubernetes:x/own', 'x', true],
    ])
    expect(shown(['b', 'a'])).toEqual([
      ['kubernetes:x/b', 'x/b', true],
      ['kubernetes:x/a', 'x/a', false],
    ])
  })

  it('may have slashes and colons in their names', () => {
    const name = 'arn:aws:eks:eu-west-1:1:cluster/one'
    expect(parseKubernetesTargetId(kubernetesTargetId(name, 'team'))).toEqual({
      context: name,
      namespace: 'team',
    })
  })

  it('may have no user, and a server without a scheme or with a login', () => {
    const bare = one(
      'clusters: [{name: c, cluster: {server: "h:1"}}]\ncontexts: [{name: x, context: {cluster: c}}]',
    )
    expect(bare?.settings).toMatchObject({ server: 'http://h:1', user: {} })
    expect(bare?.settings?.userEntry).toBeUndefined()
    expect(one(config('{server: "h:1", insecure-skip-tls-verify: true}'))?.settings?.server).toBe(
      'https://h:1',
    )
    const login = one(config('{server: "https://me:p%40ss@h/path//?q=1#f"}'))
    expect(login?.settings).toMatchObject({
      server: 'https://h/path',
      user: { username: 'me', password: 'p@ss' },
    })
    expect(login?.description.endpoint).toBe('https://h/path')
  })

  it.each<[string, string, RegExp]>([
    ['no server', config('{}'), /has no server/],
    ['another scheme', config('{server: "javascript://x/%0aalert(1)"}'), /not an http or https URL/],
    ['no URL', config('{server: "a b"}'), /not an http or https URL/],
    ['a path without a scheme', config('{server: "h/x"}'), /not an http or https URL/],
    ['a proxy of another kind', config('{server: "https://h", proxy-url: "ftp://p"}'), /proxy-url/],
    ['a namespace that is a path', config(good, '{}', ', namespace: ../../secrets'), /namespace/],
    ['a cluster that is not there', 'contexts: [{name: x, context: {cluster: q}}]', /cluster "q"/],
    ['no cluster', 'contexts: [{name: x, context: {}}]', /names no cluster/],
    ['a user that is not there', config(good).replace('user: u', 'user: v'), /user "v"/],
    ['a broken user', config(good, '7'), /user "u" is not valid/],
    ['a broken context', 'contexts: [{name: x, context: 7}]', /context/],
    ['a certificate without a key', config(good, '{client-certificate: c}'), /no client key/],
    ['groups without a user', config(good, '{as-groups: [g]}'), /impersonates/],
    ['an unknown provider', config(good, '{auth-provider: {name: openstack}}'), /"openstack"/],
    ['two ways to log in', config(good, `{auth-provider: {name: oidc}, exec: ${exec('v1')}}`), /both/],
    ['an unknown plugin protocol', config(good, `{exec: ${exec('v9')}}`), /does not know/],
  ])('%s: is a target with its Problem', (_what, source, cause) => {
    const context = one(source)
    expect(context?.settings).toBeUndefined()
    expect(context?.description).toMatchObject({ id: expect.stringMatching(/^kubernetes:x\//), name: 'x' })
    expect(context?.description.problem).toMatchObject({
      code: 'target-misconfigured',
      cause: expect.stringMatching(cause),
      detail: expect.stringMatching(/^\/k\/config, line \d+$/),
    })
  })

  it.each([
    ['gcp', 'gke-gcloud-auth-plugin'],
    ['azure', 'kubelogin'],
  ])('with the removed provider %s says what to install', (name, remedy) => {
    const context = one(config(good, `{auth-provider: {name: ${name}, config: {access-token: s3cr3t}}}`))
    expect(context?.description.problem?.remedy).toContain(remedy)
    expect(JSON.stringify(context?.description)).not.toContain('s3cr3t')
  })

  it('with the removed plugin protocol says how to renew the entry', () => {
    const { problem } = one(config(good, `{exec: ${exec('v1alpha1')}}`))?.description ?? {}
    expect(problem).toMatchObject({
      cause: expect.stringContaining('removed'),
      remedy: expect.stringMatching(/eks/),
    })
  })

  it('that kubectl is set to and that is not there is a target too', () => {
    const [, missing] = contexts(`current-context: gone\n${config(good)}`)
    expect(missing?.description).toMatchObject({
      name: 'gone',
      isDefault: true,
      problem: { code: 'target-misconfigured' },
    })
  })

  it('in a broken file are a target that names file and line', () => {
    const context = one('current-context: x\nclusters: {}\n')
    expect(context?.description).toMatchObject({
      id: 'kubernetes:file:/k/config',
      isDefault: false,
      problem: { code: 'target-misconfigured', remedy: expect.stringContaining('/k/config, line 2') },
    })
  })
})

function exec(version: string): string {
  return `{apiVersion: client.authentication.k8s.io/${version}, command: p}`
}
