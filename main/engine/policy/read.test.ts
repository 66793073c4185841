import { describe, expect, test } from 'vitest'
import { readPolicy } from './read'

const bytes = (text: string) => new TextEncoder().encode(text)
const head = 'apiVersion: berth.dev/v1\nkind: Policy\nmetadata:\n  name: team\n'

const read = (text: string) => readPolicy('berth.yaml', bytes(text))
const mistakes = (text: string) => {
  const found = read(text)
  if ('loaded' in found) throw new Error('It was read')
  return found.problems.map(({ code, cause, remedy }) => {
    expect(code).toBe('policy-unreadable')
    return `${cause} ${remedy}`
  })
}

describe('a policy', () => {
  test('is read with the lines of its rules', () => {
    const found = read(`${head}spec:
  targets:
    - docker: default
      default: true
    - kubernetes: { context: prod, namespace: team }
      name: The cluster
  templates: [{ repository: https://git.example/templates, branch: main }]
  images:
    allowed: [docker.io/library/*, "ghcr.io/team/"]
    denied:
      - debian:buster
    mirrors: { docker.io/: mirror.example/ }
  resources: { max: { cpu: "4", memory: 8Gi }, default: { cpu: 500m } }
  idle: { maximum: 8, default: 2, required: true }
  env:
    HTTP_PROXY: http://proxy.example:3128
    TEAM: { value: blue, enforce: true }
  labels: { team: blue, cost.example/center: "42" }
  rights: { privileged: deny }
  build: { builder: docker:default, pushTo: registry.example/team }
  message: { text: Ask the platform team, url: https://wiki.example/berth }
`)
    if (!('loaded' in found)) throw new Error(JSON.stringify(found.problems))
    const { policy, lineOf } = found.loaded
    expect(policy.metadata.name).toBe('team')
    expect(policy.spec.env?.TEAM).toEqual({ value: 'blue', enforce: true })
    expect(lineOf(['spec', 'images', 'denied', 0])).toBe(15)
    expect(lineOf(['spec', 'images', 'allowed'])).toBe(13)
    expect(lineOf(['spec', 'resources', 'max', 'cpu'])).toBe(17)
  })

  test.each([
    [
      `${head}spec:\n  image:\n    allowed: []\n`,
      /Line 6, column 3: "spec\.image" is no field.* Did you mean "images"\?/,
    ],
    [
      `${head}spec:\n  images:\n    alowed: [debian]\n`,
      /Line 7, column 5: "spec\.images\.alowed" .* Did you mean "allowed"\?/,
    ],
    [
      `${head}spec:\n  resources:\n    max:\n      cpu: 4\n`,
      /Line 8, column 12: .*must be a string, not the number 4.*quotes/,
    ],
    [`${head}spec:\n  rights: { privilege: deny }\n`, /Line 6, column 13: .*privilege/],
    [
      `${head}spec:\n  rights: { privileged: dent }\n`,
      /Line 6, column 25: .*allow or deny\. Did you mean "deny"\?/,
    ],
    [`${head}spec:\n  labels:\n    berth.dev/owner: me\n`, /Line 7, column 5: .*reserved/],
    [`${head}spec:\n  labels:\n    app.kubernetes.io/managed-by: me\n`, /Line 7, column 5: .*reserved/],
    [`${head}spec:\n  env:\n    A: \${localEnv:TOKEN}\n`, /Line 7, column 8: .*not filled in/],
    [
      `${head}spec:\n  images:\n    mirrors:\n      docker.io/: mirror.example\n`,
      /Line 8, column 7: .*end both with \//,
    ],
    [
      `${head}spec:\n  targets:\n    - dockr: default\n`,
      /Line 7, column 7: .*dockr.*Did you mean "docker"\?/,
    ],
    [`${head}`, /"spec" is missing/],
    ['kind: Policy\n', /"apiVersion" is missing/],
    [
      'apiVersion: berth.dev/v2\nkind: Policy\nmetadata: {name: a}\nspec: {}\n',
      /Line 1, column 13: .*berth\.dev\/v1/,
    ],
    ['', /empty/],
    ['- a\n', /must hold one object, not a list/],
    ['a: [\n', /Line \d+, column \d+/],
    [`${head}spec:\n  message: { text: hi, url: "javascript:alert(1)" }\n`, /Line 6.*web address/],
    [`${head}spec:\n  message: { text: hi, url: "https://me:secret@wiki.example" }\n`, /without a login/],
  ])('%j is told with its place', (text, expected) => {
    expect(mistakes(text).join('\n')).toMatch(expected)
  })

  test('tells several mistakes at once', () => {
    expect(mistakes(`${head}spec:\n  idel: {}\n  lables: {}\n`)).toHaveLength(2)
  })

  test('is bounded in size and depth, and knows its aliases', () => {
    expect(mistakes(`${head}#${'x'.repeat(300_000)}`).join()).toMatch(/more than 256 KiB/)
    expect(mistakes(`${head}spec: ${'['.repeat(5000)}`).length).toBeGreaterThan(0)
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...[...'bcdefgh'].map((name, index) => `${name}: &${name} [${`*${'abcdefg'[index]},`.repeat(9)}]`),
    ]
    expect(mistakes(bomb.join('\n')).length).toBeGreaterThan(0)
  })

  test('never crashes on a text that was cut or changed', () => {
    const whole = `${head}spec:\n  images: { allowed: [debian], mirrors: {a/: b/} }\n  env: {A: {value: b}}\n  labels: {a: b}\n`
    let seed = 7
    const random = (limit: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % limit
    }
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ':',
      '- ',
      '\n',
      '&a ',
      '*a',
      '"',
      '!!set ',
      '__proto__: ',
      '<<: ',
      '\0',
      '\t',
      'null',
      '1e999',
    ]
    for (let turn = 0; turn < 500; turn++) {
      let text = whole
      for (let change = 0; change <= random(3); change++) {
        const at = random(text.length + 1)
        text = text.slice(0, at) + (pieces[random(pieces.length)] ?? '') + text.slice(at + random(4))
      }
      const found = read(text)
      if (!('loaded' in found)) {
        expect(found.problems.length, text).toBeGreaterThan(0)
        for (const { cause } of found.problems) expect(cause, text).not.toBe('')
      }
    }
  })
})
