import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { Definition, ProblemError } from '#contract'
import { processorTime } from '../../platform/processor-time.test-helper'
import { readDefinition } from '../index'
import { testContext } from '../memory-reader.test-helper'
import type { RepositoryReader } from '../reader'

/** Numbers from 0 to below 1 that are the same at each run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const above = `schemaVersion: 2.1.0
variables: {image: debian}
components:
  - {name: dev, container: {image: "{{image}}", env: [{name: A, value: $(B)}], endpoints: [{name: web, targetPort: 80}]}}
  - {name: m2, volume: {size: 1Gi}}
commands: [{id: build, exec: {component: dev, commandLine: make}}]
events: {postStart: [build]}
`

const whole = `schemaVersion: 2.2.0
metadata: {name: all, version: 1.0.0, architectures: [amd64]}
variables: {a: "{{b}}", b: "1"}
parent:
  uri: above.yaml
  components: [{name: dev, container: {env: [{name: A, value: x}], args: [tail, -f, /dev/null]}}]
  commands: [{id: build, exec: {commandLine: "{{a}}"}}]
components:
  - name: db
    container:
      image: postgres
      command: [sh, -c, "$(A) $$"]
      mountSources: false
      memoryRequest: 1Gi
      volumeMounts: [{name: m2, path: /data}]
      endpoints: [{name: sql, targetPort: 5432, protocol: tcp, exposure: none, path: /x, secure: true}]
  - {name: image, image: {imageName: mine, dockerfile: {uri: Dockerfile, args: [--build-arg, A=1]}}}
  - name: own
    attributes:
      container-overrides: {resources: {limits: {cpu: 1}}, env: [{name: E, value: x}], securityContext: {runAsUser: 1}}
      pod-overrides: {spec: {hostPID: true, hostAliases: [{ip: 1.1.1.1, hostnames: [h]}]}}
    container: {image: mine, sourceMapping: /src}
  - {name: deploy, kubernetes: {inlined: "kind: Pod", endpoints: [{name: k, targetPort: 1}]}}
commands:
  - {id: one, exec: {component: dev, commandLine: x, workingDir: $PROJECT_SOURCE/a, env: [{name: V, value: "$W"}], group: {kind: run, isDefault: true}}}
  - {id: put, apply: {component: deploy}}
  - {id: both, composite: {commands: [one, build], parallel: true}}
events: {preStart: [put], postStart: [one, both], preStop: [one], postStop: [put]}
projects: [{name: p, clonePath: q, git: {remotes: {o: "https://example.com/p.git"}, checkoutFrom: {remote: o, revision: r}}}]
starterProjects: [{name: s, zip: {location: x}}]
dependentProjects: [{name: d, git: {remotes: {o: x}}}]
`

async function attempt(
  file: Uint8Array,
  parent = new TextEncoder().encode(above),
): Promise<'read' | 'refused'> {
  const files = new Map([
    ['devfile.yaml', file],
    ['above.yaml', parent],
    ['Dockerfile', new Uint8Array()],
  ])
  const reader: RepositoryReader = {
    read: async (path) => files.get(path),
    exists: async (path) => path === '.' || files.has(path),
    list: async () => [],
  }
  const started = processorTime()
  try {
    const { definition } = await readDefinition(reader, testContext)
    expect(Definition.parse(definition)).toEqual(definition)
    return 'read'
  } catch (error) {
    // Anything else is a defect, and its text would not show.
    if (!(error instanceof ProblemError)) throw new Error(new TextDecoder().decode(file), { cause: error })
    expect(error.problem.code).toMatch(/^definition-/)
    expect(error.problem.remedy).not.toBe('')
    return 'refused'
  } finally {
    expect(processorTime() - started).toBeLessThan(2000)
  }
}

const bytes = (text: string) => new TextEncoder().encode(text)

test('the whole of it is read', async () => {
  expect(await attempt(bytes(whole))).toBe('read')
})

test('any mutilated devfile, or parent of one, is read or refused with a Problem, and soon', async () => {
  const random = numbers(1)
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    '- ',
    '\n',
    '"',
    '&a ',
    '*a',
    '<<: ',
    '!!x ',
    '{{a}}',
    '$(A)',
    'null',
    '~',
    '0',
    '\t',
    '#',
    '|\n',
  ]
  const outcomes = { read: 0, refused: 0 }
  for (let round = 0; round < 1500; round++) {
    const inParent = random() < 0.3
    let text = inParent ? above : whole
    for (let change = Math.floor(random() * 3); change >= 0; change--) {
      const at = Math.floor(random() * text.length)
      const until = at + (random() < 0.5 ? 0 : Math.floor(random() * 12))
      const piece = random() < 0.6 ? (pieces[Math.floor(random() * pieces.length)] ?? '') : ''
      text = text.slice(0, at) + piece + text.slice(until)
    }
    outcomes[inParent ? await attempt(bytes(whole), bytes(text)) : await attempt(bytes(text))] += 1
  }
  // Both happen, or else the changes say nothing.
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(100)
}, 180_000)

test('any value in the place of another is read or refused with a Problem', async () => {
  const random = numbers(2)
  const values: readonly unknown[] = [
    null,
    true,
    0,
    -1,
    1e300,
    '',
    'dev',
    'one',
    '\0',
    '__proto__',
    '../..',
    [],
    [[]],
    {},
    ['one'],
    { name: 'dev' },
    { id: 'one' },
    { __proto__: null, constructor: 1 },
  ]
  const change = (value: unknown, chance: number): unknown => {
    if (random() < chance) return values[Math.floor(random() * values.length)]
    if (Array.isArray(value)) return value.map((item) => change(item, chance))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item, chance)]))
  }
  const trees: readonly unknown[] = [parse(whole), parse(above)]
  const outcomes = { read: 0, refused: 0 }
  for (let round = 0; round < 1500; round++) {
    const [file, parent] = trees.map((tree, index) =>
      JSON.stringify(change(tree, (round + index) % 2 ? 0.01 : 0)),
    )
    outcomes[await attempt(bytes(file ?? ''), bytes(parent ?? ''))] += 1
  }
  expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(100)
}, 180_000)

test('bytes of any kind are refused with a Problem', async () => {
  const random = numbers(3)
  for (let round = 0; round < 300; round++) {
    const noise = Uint8Array.from({ length: Math.floor(random() * 400) }, () =>
      Math.floor(random() * (round % 2 ? 256 : 128)),
    )
    expect(await attempt(noise)).toBe('refused')
  }
}, 180_000)
