import { describe, expect, test } from 'vitest'
import { type Definition, imageDefinition, type KubernetesOptions } from '#contract'
import { applyPolicy, type PolicyRequest } from './apply'
import { imagesOfDockerfile } from './images'
import type { LoadedPolicy } from './loaded'
import { joinedAliases } from './mirrors'
import { readPolicy } from './read'

function policy(spec: unknown, name = 'team'): LoadedPolicy {
  const text = JSON.stringify(
    { apiVersion: 'berth.dev/v1', kind: 'Policy', metadata: { name }, spec },
    null,
    1,
  )
  const found = readPolicy('berth.yaml', new TextEncoder().encode(text))
  if (!('loaded' in found)) throw new Error(JSON.stringify(found.problems))
  return { ...found.loaded, origin: 'https://git.example/policies' }
}

const debian = imageDefinition('debian:bookworm', 'project')
const docker = { id: 'docker:default', name: 'default', kind: 'docker' } as const
const cluster = { id: 'kubernetes:prod/team', name: 'prod/team', kind: 'kubernetes' } as const

function request(more: Partial<PolicyRequest> = {}): PolicyRequest {
  return {
    target: docker,
    definition: debian,
    kubernetes: {},
    idle: undefined,
    settings: { kubernetes: {}, idle: null, imageAliases: {} },
    exists: false,
    ...more,
  }
}

const outcome = (specs: readonly unknown[], more: Partial<PolicyRequest> = {}) =>
  applyPolicy(
    specs.map((spec, index) => policy(spec, `team-${index + 1}`)),
    request(more),
  )
const texts = (specs: readonly unknown[], more: Partial<PolicyRequest> = {}) =>
  outcome(specs, more).explanations.map(({ policy: name, text }) => `${name}: ${text}`)
const titles = (specs: readonly unknown[], more: Partial<PolicyRequest> = {}) =>
  outcome(specs, more).violations.map(({ title }) => title)

test('no policy changes nothing', () => {
  expect(outcome([])).toMatchObject({
    definition: debian,
    kubernetes: {},
    idle: null,
    explanations: [],
    violations: [],
  })
})

test('a violation names the policy, its rule with the line, what is allowed, and the message', () => {
  const [found] = outcome([
    { images: { allowed: ['ghcr.io/team/'] }, message: { text: 'Ask us', url: 'https://wiki.example/x' } },
  ]).violations
  expect(found).toMatchObject({
    code: 'policy-refused',
    title: 'The image debian:bookworm is not allowed',
    remedy: 'Allowed are ghcr.io/team/. Ask us.',
    actions: [{ kind: 'open-url', url: 'https://wiki.example/x' }],
  })
  expect(found?.cause).toMatch(/“team-1”, berth\.yaml:9 \(spec\.images\.allowed\)/)
})

describe('images', () => {
  test('must be allowed by each policy, and are refused by any', () => {
    expect(titles([{ images: { allowed: ['debian'] } }])).toEqual([])
    expect(titles([{ images: { allowed: ['debian'] } }, { images: { allowed: ['alpine'] } }])).toHaveLength(1)
    expect(titles([{ images: { allowed: ['debian'] } }, { images: { denied: ['debian:book*'] } }])).toEqual([
      'The image debian:bookworm may not be used',
    ])
    expect(titles([{ images: { allowed: [] } }])).toHaveLength(1)
  })

  test('by an id that names nothing are told apart by nobody', () => {
    const named = (image: string, images: object) =>
      outcome([{ images }], { definition: { ...debian, image } })
    for (const image of ['0ab', `sha256:${'a'.repeat(64)}`]) {
      const [told] = named(image, { allowed: ['**'], denied: ['debian:buster*'] }).violations
      expect(told?.title).toBe(`It cannot be told which image ${image} is`)
      expect(named(image, { allowed: ['**'] }).violations).toEqual([])
    }
    const pinned = `debian@sha256:${'a'.repeat(64)}`
    const { explanations, violations } = named(pinned, { denied: ['debian:buster*', 'alpine:3'] })
    expect(violations).toEqual([])
    expect(explanations.map(({ text }) => text)).toEqual([
      `Whether ${pinned} is debian:buster*, which is refused, its digest does not tell`,
    ])
    expect(named(`debian:12@${pinned.slice(7)}`, { denied: ['debian:buster*'] }).explanations).toEqual([])
  })

  test('that a cluster is to run beside count where they were allowed, and are told before', () => {
    const manifest = {
      metadata: { labels: { image: 'app' } },
      data: { image: 'evil.example/no-image' },
      spec: {
        template: {
          spec: { initContainers: [{ image: 'debian' }], containers: [{ image: 'evil.example/x' }] },
        },
      },
    }
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'app',
      digest: '0'.repeat(16),
      manifest,
    }
    const right = { kind: 'clusterObject', value: `Deployment app (apps/v1, ${object.digest})` } as const
    const definition = (allowed: boolean): Definition => ({
      ...debian,
      clusterObjects: [object],
      container: { rights: [right], ...(allowed && { allowed: [right] }) },
    })
    const specs = [{ images: { allowed: ['debian'] } }]
    expect(titles(specs, { target: cluster, definition: definition(true) })).toEqual([
      'The image evil.example/x is not allowed',
    ])
    expect(titles(specs, { target: cluster, definition: definition(false) })).toEqual([])
    expect(texts(specs, { target: cluster, definition: definition(false) })).toEqual([
      'team-1: The Deployment app may not be allowed: The image evil.example/x is not allowed',
    ])
    expect(texts(specs, { definition: definition(true) })).toEqual([])
    const limited = { resources: { max: { memory: '4Gi' } } }
    expect(texts([limited], { target: cluster, definition: definition(false) })).toEqual([
      'team-1: Limited to 4Gi of memory',
      'team-1: What the Deployment app takes is not limited',
    ])
  })

  test('are what Features are fetched from, too; folders of the repository are not fetched', () => {
    const features = ['GHCR.io/Other/features/go', 'https://x.example/f.tgz', './here'].map((reference) => ({
      reference,
      options: {},
    }))
    const definition = { ...debian, features }
    const allowing = (...allowed: string[]) => titles([{ images: { allowed } }], { definition })
    expect(allowing('debian')).toEqual([
      'The Feature ghcr.io/other/features/go:latest is not allowed',
      'The Feature https://x.example/f.tgz is not allowed',
    ])
    expect(allowing('debian', 'ghcr.io/other/')).toEqual([
      'The Feature https://x.example/f.tgz is not allowed',
    ])
    expect(allowing('**')).toEqual([])
    expect(titles([{ images: { denied: ['ghcr.io/other/features/go'] } }], { definition })).toEqual([
      'The Feature ghcr.io/other/features/go:latest may not be used',
    ])
  })

  test('that a cluster builds with count as well, where there is something to build', () => {
    const specs = [{ images: { allowed: ['debian', 'registry.test/buildkit'] } }]
    const build = { dockerfile: 'Dockerfile', context: '.', args: {} }
    const asked = (definition: Definition, builderImage?: string) => ({
      target: cluster,
      definition,
      kubernetes: { build: { builder: 'cluster', ...(builderImage && { builderImage }) } },
    })
    expect(titles(specs, asked({ ...debian, build }))).toEqual([
      'The image docker.io/moby/buildkit:rootless is not allowed',
    ])
    expect(titles(specs, asked({ ...debian, build }, 'registry.test/buildkit:1'))).toEqual([])
    expect(titles(specs, asked(debian))).toEqual([])
  })

  test('of services count as well', () => {
    const service = {
      name: 'db',
      image: 'evil.example/postgres',
      env: {},
      mounts: [],
      dependsOn: [],
    } as unknown as Definition['services'][number]
    expect(
      titles([{ images: { allowed: ['debian'] } }], { definition: { ...debian, services: [service] } }),
    ).toEqual(['The image evil.example/postgres is not allowed'])
  })

  test('are got by mirrors, before aliases of the user’s own', () => {
    const specs = [{ images: { allowed: ['debian'], mirrors: { 'docker.io/': 'mirror.example/' } } }]
    expect(texts(specs)).toEqual([
      'team-1: Image debian:bookworm is got from mirror.example/library/debian:bookworm',
    ])
    const imageAliases = { 'debian:bookworm': 'evil.example/debian' }
    const settings = { kubernetes: {}, idle: null, imageAliases }
    expect(titles(specs, { settings })).toEqual([])
    expect(joinedAliases(imageAliases, { 'docker.io/': 'mirror.example/' })).toEqual({
      'docker.io/': 'mirror.example/',
    })
    // Where the team has no mirror, what the user gets instead is what has to be allowed.
    expect(titles([{ images: { allowed: ['debian'] } }], { settings })).toEqual([
      'The image evil.example/debian is not allowed',
    ])
  })

  test('of Dockerfiles are found wherever they are named', () => {
    const build = { dockerfile: 'Dockerfile', context: '.', args: { BASE: 'debian:12' } }
    const images = imagesOfDockerfile(
      build,
      `# syntax=evil.example/frontend:1
ARG BASE
ARG OTHER=alpine
FROM $BASE AS first
FROM \${OTHER}:3
COPY --from=evil.example/a /x /x
COPY --fr\\
om=evil.example/b /x /x
RUN --mount=type=bind,from=evil.example/c true
COPY --from=first /y /y
FROM scratch
FROM thing-$UNKNOWN
`,
    )
    expect(images.map(({ image }) => image)).toEqual([
      'evil.example/frontend:1',
      'debian:12',
      'alpine:3',
      'evil.example/a',
      'evil.example/b',
      'evil.example/c',
      undefined,
    ])
    expect(images[1]?.where).toBe('Dockerfile:4')
    expect(titles([{ images: { allowed: ['**'] } }], { images })).toEqual([
      'It cannot be told which image Dockerfile:12 means',
    ])
    expect(titles([{ images: { denied: ['evil.example/**'] } }], { images })).toHaveLength(5)
    expect(titles([{ images: { mirrors: {} } }], { images })).toEqual([])
  })
})

test('a Dockerfile has no place where an image is overlooked', () => {
  const found = (text: string, args: Record<string, string> = {}) =>
    imagesOfDockerfile({ dockerfile: 'Dockerfile', context: '.', args }, text).map(({ image }) => image)
  // What a context stands for is none, and its image is one.
  const contexts = [
    { name: 'base', image: 'evil.example/x' },
    { name: 'debian', folder: 'lib' },
  ]
  expect(
    imagesOfDockerfile(
      { dockerfile: 'Dockerfile', context: '.', args: {}, contexts },
      'FROM debian:latest\nFROM debian:12\nFROM base\n',
    ).map(({ image }) => image),
  ).toEqual(['debian:12', 'evil.example/x'])
  // A value that only this machine knows is not taken for the file's own default.
  expect(found('ARG BASE=debian\nFROM $BASE\n', { BASE: '${localEnv:IMAGE}' })).toEqual([undefined])
  expect(found('FROM debian AS a\nONBUILD COPY --from=evil.example/x / /\nFROM a\n')).toEqual([
    'debian',
    'evil.example/x',
  ])
  expect(found('FROM debian\nRUN --mount=type=bind,"FROM=evil.example/x" true\n')).toEqual([
    'debian',
    'evil.example/x',
  ])
  expect(found('FROM debian\nRUN true <<CMD\nFROM evil.example/x\nCMD\n')).toEqual(['debian', undefined])
  expect(found('FROM debian\nRUN python3 <<EOF\nfrom os import path\nEOF\n')).toEqual(['debian'])
  expect(found('#!/bin/sh\n# syntax = evil.example/x\nfrom debian\n')).toEqual(['evil.example/x', 'debian'])
  expect(found('# a=b\n\n# no directive\n#syntax=evil.example/x\nFROM debian\n')).toEqual([
    'evil.example/x',
    'debian',
  ])
  expect(found('//syntax=evil.example/x\nFROM debian\n')).toContain('evil.example/x')
  expect(found('{"a": 1,\n"syntax": "evil.example/x"}')).toContain('evil.example/x')
  // A builder takes a backslash for nothing, and would get debian:buster.
  expect(found('FROM debi\\an:buster\n')).toEqual([undefined])
  expect(found('FROM debian\nCOPY --fr"om"=evil.example/x / /\n')).toEqual(['debian', undefined])
  expect(found('FROM debian\n', { BUILDKIT_SYNTAX: 'evil.example/x' })).toEqual(['debian', 'evil.example/x'])
  // How a cache is written in another form tells of no image.
  const cached = {
    dockerfile: 'Dockerfile',
    context: '.',
    args: {},
    cacheFrom: ['type=registry,ref=evil.example/x'],
  }
  expect(imagesOfDockerfile(cached, 'FROM debian\n').map(({ image }) => image)).toEqual(['debian', undefined])
  const many = imagesOfDockerfile({ dockerfile: 'D', context: '.', args: {} }, 'FROM a\n\n'.repeat(50_000))
  expect([many.length, many.at(-1)?.where]).toEqual([50_000, 'D:99999'])
  expect(found('x'.repeat(2_000_000))).toEqual([undefined])
})

describe('resources', () => {
  const max = { resources: { max: { cpu: '2', memory: '4Gi', storage: '20Gi' } } }
  const on = (kubernetes: KubernetesOptions, more: Partial<PolicyRequest> = {}) => ({
    target: cluster,
    kubernetes,
    ...more,
  })

  test('are limited by the strictest, and ask for little where nothing is asked for', () => {
    expect(outcome([max, { resources: { max: { cpu: '500m' } } }], on({})).kubernetes).toEqual({
      requests: { cpu: '100m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '4Gi' },
    })
    expect(texts([max, { resources: { max: { cpu: '500m' } } }], on({}))).toEqual([
      'team-2: Limited to 500m CPUs',
      'team-1: Limited to 4Gi of memory',
    ])
  })

  test('hold for each service as well, on every kind of target', () => {
    const service: Definition['services'][number] = {
      name: 'db',
      image: 'postgres',
      env: {},
      mounts: [],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'never',
    }
    const large = { cpus: 64, cpusReserved: 8, memory: 2 ** 36, memoryReserved: 2 ** 20, processes: 5 }
    const definition = { ...debian, services: [service, { ...service, name: 'big', container: large }] }
    for (const target of [docker, cluster]) {
      const found = outcome([max], { target, definition })
      expect(found.violations).toEqual([])
      expect(found.definition?.services.map(({ container }) => container)).toEqual([
        { cpus: 2, memory: 2 ** 32 },
        { cpus: 2, cpusReserved: 2, memory: 2 ** 32, memoryReserved: 2 ** 20, processes: 5 },
      ])
      expect(found.explanations.map(({ text }) => text)).toEqual(
        expect.arrayContaining([
          'Each service beside it is limited to 2 CPUs',
          'The service big is limited to 2 CPUs, and not 64',
          'The service big is limited to 4Gi of memory, and not 64Gi',
        ]),
      )
    }
    expect(outcome([{ resources: { max: { storage: '5Gi' } } }], { definition }).definition).toEqual(
      definition,
    )
  })

  test('that were asked for and are too much are refused; those of the settings are lowered', () => {
    expect(titles([max], on({ requests: { cpu: '3' }, limits: { memory: '5Gi' }, storage: '30Gi' }))).toEqual(
      [
        '3 is more CPU than is allowed',
        '5Gi is more memory than is allowed',
        '30Gi is more storage than is allowed',
      ],
    )
    const settings = { kubernetes: { limits: { cpu: '8' }, storage: '50Gi' }, idle: null, imageAliases: {} }
    const lowered = outcome([max], on({}, { settings }))
    expect(lowered.violations).toEqual([])
    expect(lowered.kubernetes).toMatchObject({ limits: { cpu: '2' }, storage: '20Gi' })
    expect(titles([max], on({ limits: { cpu: '3' } }, { exists: true }))).toEqual([])
  })

  test('have the team’s defaults, no higher than its limits', () => {
    const defaults = { resources: { default: { cpu: '4', memory: '1Gi', storage: '5Gi' } } }
    expect(outcome([max, defaults], on({})).kubernetes).toMatchObject({
      requests: { cpu: '2', memory: '1Gi' },
      storage: '5Gi',
    })
    expect(outcome([defaults], on({ requests: { cpu: '1' } })).kubernetes.requests).toEqual({
      cpu: '1',
      memory: '1Gi',
    })
  })

  test('of a container on Docker are limits, and what a definition needs is held against them', () => {
    expect(outcome([max]).limits).toEqual({ cpu: 2, memory: 4 * 2 ** 30 })
    expect(texts([max])).toContain(
      'team-1: The limit of 20Gi of storage is not applied: a Docker engine’s volumes have no size',
    )
    const needy = { ...debian, hostRequirements: { cpus: 4, memory: 2 ** 30 } }
    expect(titles([max], { definition: needy })).toEqual(['The definition needs more CPU than is allowed'])
  })
})

describe('idle times', () => {
  const eight = { idle: { maximum: 8 } }
  test('are set where there is none, and lowered where the settings have a longer one', () => {
    expect(outcome([eight, { idle: { default: 2 } }]).idle).toEqual({ minutes: 120, whileClosed: false })
    expect(outcome([eight]).idle?.minutes).toBe(480)
    expect(outcome([{ idle: { required: true } }]).idle?.minutes).toBe(120)
    const settings = { kubernetes: {}, idle: { minutes: 600, whileClosed: true }, imageAliases: {} }
    expect(outcome([eight], { settings }).idle).toEqual({ minutes: 480, whileClosed: true })
  })

  test('that were asked for are refused where they are too long', () => {
    expect(titles([eight], { idle: { minutes: 481, whileClosed: false } })).toHaveLength(1)
    expect(titles([eight], { idle: { minutes: 480, whileClosed: false } })).toEqual([])
    expect(titles([eight], { idle: null })).toEqual(['A workspace may not run idle for ever'])
    expect(titles([{ idle: { required: true } }], { idle: null })).toHaveLength(1)
    expect(titles([{ idle: { default: 2 } }], { idle: null })).toEqual([])
  })
})

describe('surroundings', () => {
  test('variables are below the definition’s own, unless they are to hold', () => {
    const definition = { ...debian, containerEnv: { A: 'own', B: 'own' }, remoteEnv: { B: 'other' } }
    const specs = [
      { env: { A: 'team', B: { value: 'team', enforce: true }, C: 'one' } },
      { env: { B: 'x', C: 'two' } },
    ]
    const found = outcome(specs, { definition }).definition
    expect(found?.containerEnv).toEqual({ A: 'own', B: 'team', C: 'two' })
    expect(found?.remoteEnv).toEqual({})
    expect(texts(specs, { definition })).toEqual([
      'team-1: Variable A stays as the definition has it',
      'team-1: Variable B is set, in place of what the definition says',
      'team-2: Variable C is set, over that of team-1',
    ])
  })

  test('labels are the last policy’s, also of a cluster’s objects', () => {
    const specs = [{ labels: { team: 'a', cost: '1' } }, { labels: { team: 'b' } }]
    expect(outcome(specs).labels).toEqual({ team: 'b', cost: '1' })
    expect(
      outcome(specs, { target: cluster, kubernetes: { labels: { team: 'mine', own: 'x' } } }).kubernetes
        .labels,
    ).toEqual({
      team: 'b',
      cost: '1',
      own: 'x',
    })
  })

  test('targets must be offered by each policy that names some', () => {
    const clusters = { targets: [{ kubernetes: { context: 'prod' }, name: 'Prod' }] }
    expect(titles([clusters])).toEqual(['default is no target of the team'])
    expect(titles([clusters], { target: cluster })).toEqual([])
    expect(
      titles([{ targets: [{ kubernetes: { context: 'prod', namespace: 'other' } }] }], { target: cluster }),
    ).toHaveLength(1)
    expect(titles([{ targets: [{ docker: 'default' }] }])).toEqual([])
  })

  test('rights that were given are refused, and those only asked for are told', () => {
    const right = { kind: 'privileged', value: '' } as const
    const deny = [{ rights: { privileged: 'deny' } }]
    const asking = { ...debian, container: { rights: [right] } }
    expect(titles(deny, { definition: asking })).toEqual([])
    expect(texts(deny, { definition: asking })).toHaveLength(1)
    const given = { ...debian, container: { rights: [right], allowed: [right] } }
    expect(titles(deny, { definition: given })).toEqual(['The right “privileged” may not be given'])
    expect(titles([{ rights: { privileged: 'allow' } }], { definition: given })).toEqual([])
  })
})
