import { describe, expect, it } from 'vitest'
import { parseFeatureReference } from '../definitions/index'
import type { FeatureOptions } from './options'
import { type FeatureNode, installOrder, type SoftDependency } from './order'

function soft(reference: string, ids: readonly string[] = []): SoftDependency {
  const parsed = parseFeatureReference(reference)
  if ('wanted' in parsed) throw new Error(`${reference}: ${parsed.wanted}`)
  return { reference, parsed, ids }
}

interface Wanted {
  readonly options?: FeatureOptions
  readonly digest?: string
  readonly ids?: readonly string[]
  readonly dependsOn?: readonly FeatureNode[]
  readonly installsAfter?: readonly SoftDependency[]
}

function feature(reference: string, wanted: Wanted = {}): FeatureNode {
  const { parsed } = soft(reference)
  return {
    reference,
    parsed,
    ...(parsed.kind === 'registry' ? { digest: reference } : {}),
    options: {},
    ids: parsed.kind === 'registry' ? [parsed.id] : [],
    dependsOn: [],
    installsAfter: [],
    ...wanted,
  }
}

const order = (nodes: readonly FeatureNode[], first: readonly string[] = []) =>
  installOrder(
    nodes,
    first.map((reference) => soft(reference)),
  ).map(({ reference }) => reference.replace('r.test/n/', ''))

const failure = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return (error as { problem: { cause: string } }).problem
  }
  return expect.unreachable('it succeeded')
}

describe('installOrder', () => {
  it('is that of the names where nothing else is said, whatever the order of the file', () => {
    const [a, b, c] = [feature('r.test/n/a'), feature('r.test/n/b'), feature('r.test/n/c')]
    expect(order([c, a, b])).toEqual(['a', 'b', 'c'])
  })

  it("puts dependencies first, in rounds (containers.dev's diamond)", () => {
    const d = feature('r.test/n/d')
    const b = feature('r.test/n/b', { dependsOn: [d] })
    const c = feature('r.test/n/c', { dependsOn: [d] })
    const a = feature('r.test/n/a', { dependsOn: [b, c] })
    expect(order([a, b, c, d])).toEqual(['d', 'b', 'c', 'a'])
  })

  it('waits in a later round for what became ready in this one', () => {
    const z = feature('r.test/n/z')
    const a = feature('r.test/n/a', { dependsOn: [z] })
    const y = feature('r.test/n/y')
    // `a` comes first by its name, and yet after the whole round of `z`.
    expect(order([a, y, z])).toEqual(['y', 'z', 'a'])
  })

  it('heeds installsAfter only where that Feature is installed, in whatever version', () => {
    const utils = feature('r.test/n/utils:2')
    const a = feature('r.test/n/a', { installsAfter: [soft('r.test/n/utils'), soft('r.test/n/none')] })
    expect(order([a, utils])).toEqual(['utils:2', 'a'])
    expect(order([a])).toEqual(['a'])
  })

  it('knows a Feature by the ids that it had', () => {
    const old = feature('r.test/n/docker-from-docker')
    const a = feature('r.test/n/a', {
      installsAfter: [soft('r.test/n/docker-outside', ['docker-outside', 'docker-from-docker'])],
    })
    expect(order([a, old])).toEqual(['docker-from-docker', 'a'])
    const renamed = feature('r.test/n/docker-outside', { ids: ['docker-outside', 'docker-from-docker'] })
    const b = feature('r.test/n/b', { installsAfter: [soft('r.test/n/docker-from-docker')] })
    expect(order([b, renamed])).toEqual(['docker-outside', 'b'])
    const elsewhere = feature('r.test/other/docker-from-docker')
    expect(order([a, elsewhere])).toEqual(['a', 'r.test/other/docker-from-docker'])
  })

  it('puts what the definition wants first in front, as soon as it can be', () => {
    const [a, b, c] = [feature('r.test/n/a'), feature('r.test/n/b'), feature('r.test/n/c:1')]
    expect(order([a, b, c], ['r.test/n/c', 'r.test/n/b'])).toEqual(['c:1', 'b', 'a'])
    const d = feature('r.test/n/d', { dependsOn: [b] })
    expect(order([a, b, d], ['r.test/n/d'])).toEqual(['a', 'b', 'd'])
  })

  it('never breaks dependencies for the wanted order', () => {
    const a = feature('r.test/n/a')
    const b = feature('r.test/n/b', { dependsOn: [a] })
    const c = feature('r.test/n/c')
    expect(order([a, b, c], ['r.test/n/b', 'r.test/n/c', 'r.test/n/a'])).toEqual(['c', 'a', 'b'])
  })

  it('installs one Feature twice where its options differ, fewer options first', () => {
    const plain = feature('r.test/n/a', { digest: 'sha256:1', options: {} })
    const one = feature('r.test/n/a', { digest: 'sha256:1', options: { version: '2' } })
    const other = feature('r.test/n/a', { digest: 'sha256:1', options: { version: '1' } })
    const sorted = installOrder([one, other, plain]).map(({ options }) => options)
    expect(sorted).toEqual([{}, { version: '1' }, { version: '2' }])
    const needsOther = feature('r.test/n/b', { dependsOn: [other] })
    expect(failure(() => installOrder([needsOther, one]))).toBeDefined()
  })

  it('sorts tags as texts, then digests', () => {
    const tags = ['latest', '3', '2.0.1', '1.9.9'].map((tag) => feature(`r.test/n/a:${tag}`))
    expect(order(tags)).toEqual(['a:1.9.9', 'a:2.0.1', 'a:3', 'a:latest'])
  })

  it('sorts Features of different kinds by what is written', () => {
    const nodes = [
      feature('r.test/n/a'),
      feature('https://a.test/f.tgz'),
      feature('./local/b'),
      feature('./local/a'),
    ]
    expect(order(nodes)).toEqual(['./local/a', './local/b', 'https://a.test/f.tgz', 'a'])
  })

  it('sorts as people do and not as bytes do, like the reference implementation', () => {
    expect(order([feature('r.test/n/a0'), feature('r.test/n/a_b'), feature('r.test/n/a-b')])).toEqual([
      'a_b',
      'a-b',
      'a0',
    ])
  })

  it('names the Features of a circle, and only those', () => {
    const a = feature('r.test/n/a', { installsAfter: [soft('r.test/n/c')] })
    const b = feature('r.test/n/b', { dependsOn: [a] })
    const c = feature('r.test/n/c', { dependsOn: [b] })
    const outside = feature('r.test/n/0', { dependsOn: [c] })
    const { cause } = failure(() => installOrder([outside, a, b, c]))
    expect(cause).toMatch(/r\.test\/n\/c, r\.test\/n\/b, r\.test\/n\/a\.$/)
    expect(cause).not.toMatch(/n\/0/)
    const self = feature('r.test/n/a', { installsAfter: [soft('r.test/n/a')] })
    expect(failure(() => installOrder([self])).cause).toMatch(/after itself/)
  })

  it('is the same for every order in which the Features are named', () => {
    const d = feature('r.test/n/d')
    const b = feature('r.test/n/b', { dependsOn: [d], installsAfter: [soft('r.test/n/e')] })
    const nodes = [
      b,
      d,
      feature('r.test/n/e'),
      feature('r.test/n/c', { installsAfter: [soft('r.test/n/b')] }),
    ]
    const expected = order(nodes)
    for (let turn = 0; turn < nodes.length; turn++) {
      nodes.push(nodes.shift() as FeatureNode)
      expect(order(nodes)).toEqual(expected)
      expect(order([...nodes].reverse())).toEqual(expected)
    }
  })
})
