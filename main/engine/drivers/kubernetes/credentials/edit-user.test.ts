import { describe, expect, it } from 'vitest'
import { parseKubeconfig } from '../kubeconfig/parse'
import { editAuthProvider } from './edit-user'

const block = `# my clusters
users:
- name: other   # not this one
  user:
    auth-provider:
      config: {id-token: other-token, refresh-token: other-refresh}
      name: oidc
- user:
    auth-provider:
      config:
        # where I log in
        idp-issuer-url: 'https://issuer'
        id-token: old.id.token # expires soon
        refresh-token:   "old refresh"
      name: oidc
  name: me
contexts: []   # none
`
const changed = (source: string, values: Record<string, string>) => editAuthProvider(source, 'me', values)
const configOf = (source: string) =>
  parseKubeconfig('/f', source).users.find(({ name }) => name === 'me')?.value?.authProvider?.config

describe('editing the tokens of a user', () => {
  it('changes the values and no other byte', () => {
    expect(changed(block, { 'id-token': 'new.id.token', 'refresh-token': 'new' })).toBe(
      block.replace('old.id.token', '"new.id.token"').replace('"old refresh"', '"new"'),
    )
  })

  it('adds what was not there', () => {
    const source = block.replace('        id-token: old.id.token # expires soon\n', '')
    expect(changed(source, { 'id-token': 'new' })).toBe(
      source.replace("idp-issuer-url: 'https", `id-token: "new"\n        idp-issuer-url: 'https`),
    )
  })

  it.each<[string, string]>([
    [
      'JSON',
      JSON.stringify(
        { users: [user({ 'idp-issuer-url': 'u', 'id-token': 'old' })], other: { a: [1, 2.5] } },
        null,
        2,
      ),
    ],
    ['JSON without a token', JSON.stringify({ users: [user({ 'idp-issuer-url': 'u' })] })],
    ['line ends of Windows', block.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${block}`],
    [
      'a folded token',
      block.replace('old.id.token # expires soon', '>-\n          old.id\n          .token'),
    ],
    ['a literal token', block.replace('old.id.token # expires soon', '|\n          old.id.token')],
    ['a token that is nothing', block.replace(' old.id.token # expires soon', '')],
    ['an anchored token', block.replace('old.id.token #', '&tok old.id.token #')],
    ['a second document', `${block}---\na: b\n`],
    ['the same key twice elsewhere', `${block}x: 1\nx: 2\n`],
    [
      'the same name twice',
      `${block.replace('contexts: []   # none\n', '')}- {name: me, user: {token: x}}\n`,
    ],
  ])('comes out right with %s', (_what, source) => {
    const edited = changed(source, { 'id-token': 'new"\\id', 'refresh-token': 'ref' })
    expect(configOf(edited ?? '')).toEqual({
      ...configOf(source),
      'id-token': 'new"\\id',
      'refresh-token': 'ref',
    })
    expect((edited ?? '').startsWith(source.slice(0, 12))).toBe(true)
    expect(parseKubeconfig('/f', edited ?? '').users[0]).toEqual({
      ...parseKubeconfig('/f', source).users[0],
      ...(source.startsWith('{') && { value: expect.anything() }),
    })
  })

  it.each([
    ['no such user', block.replace('name: me', 'name: you')],
    ['no config', 'users: [{name: me, user: {auth-provider: {name: oidc}}}]'],
    [
      'an alias, which would change another user too',
      'a: &c {id-token: t}\nusers: [{name: me, user: {auth-provider: {config: *c}}}]',
    ],
    ['no YAML', 'users: [{{'],
  ])('does nothing with %s', (_what, source) => {
    expect(changed(source, { 'id-token': 'new' })).toBeUndefined()
  })
})

function user(config: Record<string, string>) {
  return { name: 'me', user: { 'auth-provider': { name: 'oidc', config } } }
}
