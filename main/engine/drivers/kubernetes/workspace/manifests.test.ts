import { describe, expect, it } from 'vitest'
import type { KubernetesOptions, WorkspaceUser } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import { labelSafe, labels, readAnnotations, readOptions } from './anatomy'
import { specOf } from './fixtures'
import { type ManifestOptions, planWorkspace, previousOf, restoredStatefulSet } from './manifests'
import { filesPodSpec, literal } from './pod'

const plan = (spec: WorkspaceSpec, make: Partial<ManifestOptions> = {}) =>
  planWorkspace(spec, {
    namespace: 'team',
    making: 'abc',
    options: {},
    env: { TOKEN: 'se$cret' },
    secretName: 'ws-tabcdefghi',
    ...make,
  })
const podOf = (spec: WorkspaceSpec, make: Partial<ManifestOptions> = {}) => {
  const pod = plan(spec, make).statefulSet.spec?.template.spec
  if (!pod) throw new Error('no pod')
  const [container] = pod.containers
  if (!container) throw new Error('no container')
  return { pod, container, prepare: pod.initContainers?.[0] }
}
const withUser = (user: Partial<WorkspaceUser>, image: Partial<WorkspaceSpec['image']> = {}) => {
  const spec = specOf()
  return { image: { ...spec.image, ...image, user: { ...spec.image.user, ...user } } }
}

describe('planWorkspace', () => {
  it('is admitted by the restricted Pod Security level for a user who is not root', () => {
    const { pod, container, prepare } = podOf(specOf())
    expect(pod.securityContext).toMatchObject({ seccompProfile: { type: 'RuntimeDefault' }, fsGroup: 1001 })
    for (const one of [container, prepare]) {
      expect(one?.securityContext).toEqual({
        runAsUser: 1000,
        runAsGroup: 1001,
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      })
    }
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
    expect(pod.volumes?.every((volume) => volume.hostPath === undefined)).toBe(true)
  })

  it('asks for nothing beyond the baseline level for root', () => {
    const { pod, container } = podOf(specOf(withUser({ name: 'root', uid: 0, gid: 0, home: '/root' })))
    expect(container.securityContext).toMatchObject({ runAsUser: 0, allowPrivilegeEscalation: false })
    expect(container.securityContext?.runAsNonRoot).toBeUndefined()
    const baseline = new Set(
      'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
        ' ',
      ),
    )
    expect(container.securityContext?.capabilities?.add?.filter((one) => !baseline.has(one))).toEqual([])
    expect(pod.securityContext?.fsGroup).toBeUndefined()
  })

  it('idles as process 1, which reaps, and in the workspace folder; an own command leaves that to the pause process', () => {
    const idle = podOf(specOf())
    expect(idle.pod.shareProcessNamespace).toBe(false)
    expect(idle.container.command?.slice(0, 2)).toEqual(['/bin/sh', '-c'])
    expect(idle.container.workingDir).toBe('/workspaces/app')
    const own = podOf(specOf({}, { overrideCommand: false }))
    expect(own.pod.shareProcessNamespace).toBe(true)
    expect(own.container.command).toBeUndefined()
    expect(own.container.workingDir).toBeUndefined()
  })

  it('runs an own command as the definition or the image wants, and not as the user of terminals', () => {
    const asImage = podOf(specOf({}, { overrideCommand: false, remoteUser: 'dev' }))
    expect(asImage.container.securityContext?.runAsUser).toBeUndefined()
    expect(asImage.container.securityContext?.runAsNonRoot).toBeUndefined()
    expect(asImage.prepare?.securityContext?.runAsUser).toBe(1000)
    const byNumber = podOf(
      specOf({}, { overrideCommand: false, remoteUser: 'dev', containerUser: '4711:42' }),
    )
    expect(byNumber.container.securityContext).toMatchObject({ runAsUser: 4711, runAsGroup: 42 })
    const byName = podOf(specOf({}, { overrideCommand: false, containerUser: 'dev' }))
    expect(byName.container.securityContext).toMatchObject({ runAsUser: 1000 })
  })

  it('prepares nothing and commands nothing in an image without a shell', () => {
    const { shell: _, ...user } = specOf().image.user
    const image = { ...specOf().image, hasShell: false, user: { ...user, uid: 0 } }
    const { prepare, container } = podOf(specOf({ image }))
    expect(prepare).toBeUndefined()
    expect(container.command).toBeUndefined()
    expect(container.securityContext?.runAsUser).toBeUndefined()
    expect(podOf(specOf({ image: { ...image, user } })).container.securityContext?.runAsNonRoot).toBe(true)
  })

  it.each<[string, Partial<WorkspaceSpec>, Partial<WorkspaceSpec['definition']>, string[], string[]]>([
    ['below /workspaces', {}, {}, ['source@/workspaces', 'home@/home/dev'], ['source', 'source/app']],
    [
      'elsewhere',
      { sourceFolder: '/srv/code' },
      { workspaceFolder: '/srv/code/sub' },
      ['source@/srv/code', 'home@/home/dev'],
      ['source', 'source/sub'],
    ],
    [
      'in the home',
      { sourceFolder: '/home/dev/a/src' },
      { workspaceFolder: '/home/dev/a/src' },
      ['source@/home/dev/a/src', 'home@/home/dev'],
      ['source', 'home/a'],
    ],
    [
      'with a home among the sources',
      withUser({ home: '/workspaces/home' }),
      {},
      ['source@/workspaces'],
      ['source', 'source/app'],
    ],
    [
      'where the definition mounts over both',
      {},
      {
        mounts: [
          { type: 'tmpfs', target: '/workspaces/' },
          { type: 'volume', source: 'mine', target: '/home/dev' },
        ],
      },
      [],
      ['source', 'source/app'],
    ],
  ])('keeps source and home: %s', (_, fields, definition, mounts, folders) => {
    const { container, prepare } = podOf(specOf(fields, definition))
    const data = container.volumeMounts?.filter((mount) => mount.name === 'data') ?? []
    expect(data.map((mount) => `${mount.subPath}@${mount.mountPath}`)).toEqual(mounts)
    expect(prepare?.command?.slice(5)).toEqual(folders)
  })

  it("begins volumes of the workspace's own with what the image has there, for the first place of each", () => {
    const volume = (source: string, target: string) =>
      ({ type: 'volume', source, target, ofWorkspace: true }) as const
    const mounts = [volume('gems', '/usr/gems/'), volume('gems', '/second'), volume('cache', '/cache')]
    const { prepare } = podOf(specOf({}, { mounts }))
    expect(prepare?.command?.slice(5)).toEqual([
      ...['--fill', '/usr/gems', 'data/gems', '--fill', '/cache', 'data/cache'],
      ...['source', 'source/app', 'data', 'data/gems', 'data/cache'],
    ])
  })

  it('gives the pod the groups of its user, besides those that are asked for', () => {
    const groups = (fields: Partial<WorkspaceSpec>, asked: string[] = []) =>
      podOf(specOf(fields, { container: { rights: [], groups: asked } })).pod.securityContext
        ?.supplementalGroups
    const image = { ...specOf().image, groups: [994, 27] }
    expect(groups({ image })).toEqual([994, 27])
    expect(groups({ image }, ['27', '5', 'docker'])).toEqual([27, 5, 994])
    expect(groups({})).toBeUndefined()
    // Nobody is told to be somebody there, and the runtime knows the image's own user.
    const own = specOf({ image }, { overrideCommand: false, remoteUser: 'dev' })
    expect(podOf(own).pod.securityContext).not.toHaveProperty('supplementalGroups')
  })

  it('mounts no part of the source a second time while it may not be there yet', () => {
    const sourceMounts = [
      { path: 'conf', target: '/etc/app' },
      { path: '.', target: '/again' },
    ]
    const { pod, container } = podOf(specOf({}, { sourceMounts }))
    const places = (mounts: typeof container.volumeMounts) => mounts?.map(({ mountPath }) => mountPath)
    expect(places(container.volumeMounts)).toEqual(['/workspaces', '/home/dev', '/etc/app', '/again'])
    const [files] = filesPodSpec(pod, ['sleep']).containers
    expect(places(files?.volumeMounts)).toEqual(['/workspaces', '/home/dev'])
  })

  it('runs a service as the number that its user has in its image', () => {
    const service = {
      name: 'db',
      image: 'postgres',
      user: 'postgres',
      env: { LITERAL: '${containerEnv:PATH}' },
      mounts: [],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'never' as const,
    }
    const image = { ...specOf().image, services: { db: 'postgres' } }
    const beside = (fields: Partial<WorkspaceSpec['image']>) =>
      podOf(specOf({ image: { ...image, ...fields } }, { services: [service] })).container
    expect(beside({}).securityContext).not.toHaveProperty('runAsUser')
    const { securityContext, env } = beside({ serviceUsers: { db: '999:998' } })
    expect(securityContext).toMatchObject({ runAsUser: 999, runAsGroup: 998, runAsNonRoot: true })
    // What the workspace's own image has is none of its business.
    expect(env).toEqual([{ name: 'LITERAL', value: literal('${containerEnv:PATH}') }])
  })

  it('mounts memory and named claims, read-only where asked', () => {
    const { pod, container } = podOf(
      specOf(
        {},
        {
          mounts: [
            { type: 'tmpfs', target: '/scratch' },
            { type: 'volume', source: 'shared', target: '/shared', readOnly: true },
          ],
        },
      ),
    )
    expect(pod.volumes?.slice(1)).toEqual([
      { name: 'mount-0', emptyDir: { medium: 'Memory' } },
      { name: 'mount-1', persistentVolumeClaim: { claimName: 'shared' } },
    ])
    expect(container.volumeMounts?.slice(2)).toEqual([
      { name: 'mount-0', mountPath: '/scratch' },
      { name: 'mount-1', mountPath: '/shared', readOnly: true },
    ])
  })

  it('puts what comes from this machine’s environment into the Secret alone', () => {
    const spec = specOf(
      {},
      {
        containerEnv: { PLAIN: 'a$(HOME)b$$', KEY: '${localEnv:TOKEN}', PATH: '/x:${containerEnv:PATH}' },
      },
    )
    const { secret, statefulSet, claim } = plan(spec)
    expect(secret?.data).toEqual({ KEY: Buffer.from('se$cret').toString('base64') })
    expect(JSON.stringify([statefulSet, claim])).not.toContain('se$cret')
    expect(podOf(spec).container.env).toEqual([
      { name: 'PLAIN', value: 'a$$(HOME)b$$$$' },
      { name: 'PATH', value: '/x:/usr/bin:/bin' },
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 'ws-tabcdefghi', key: 'KEY' } } },
    ])
    expect(plan(specOf()).secret).toBeUndefined()
  })

  it('tells all of it in annotations, and reads it back', () => {
    const options: KubernetesOptions = { storage: '20Gi', labels: { team: 'a' }, annotations: { note: 'n' } }
    const spec = specOf()
    const { statefulSet, claim } = plan(spec, { options })
    for (const { metadata } of [statefulSet, claim]) {
      expect(metadata?.annotations).toMatchObject({ note: 'n', 'berth.dev/complete': 'false' })
      expect(readAnnotations(metadata)).toEqual({
        id: spec.id,
        name: 'app',
        owner: spec.owner,
        source: spec.source,
        definition: spec.definition,
        user: spec.image.user,
        image: 'debian:bookworm',
        createdAt: spec.createdAt,
        making: 'abc',
        kubernetes: options,
      })
      expect(readOptions(metadata)).toEqual(options)
    }
    expect(statefulSet.spec?.template.metadata?.labels).toMatchObject({
      team: 'a',
      [labels.role]: 'workspace',
    })
    expect(readAnnotations({ ...statefulSet.metadata, labels: {} })).toBeUndefined()
  })

  it('does not let labels of the user’s own stand for Berth’s', () => {
    const { statefulSet } = plan(specOf(), { options: { labels: { [labels.workspace]: 'other' } } })
    expect(statefulSet.spec?.template.metadata?.labels?.[labels.workspace]).toBe('tabcdefghi')
  })

  it('asks for what the options say', () => {
    const { pod, container, prepare } = podOf(specOf(), {
      options: {
        requests: { cpu: '500m' },
        limits: { memory: '4Gi' },
        gpu: { resource: 'nvidia.com/gpu', count: 2 },
        nodeSelector: { disk: 'ssd' },
        tolerations: [{ key: 'gpu', operator: 'Exists' }],
        pullSecrets: ['registry'],
      },
    })
    expect(container.resources).toEqual({
      requests: { cpu: '500m', 'nvidia.com/gpu': '2' },
      limits: { memory: '4Gi', 'nvidia.com/gpu': '2' },
    })
    expect(prepare?.resources).toEqual({ requests: { cpu: '500m' }, limits: { memory: '4Gi' } })
    expect(pod).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
      imagePullSecrets: [{ name: 'registry' }],
    })
    const { claim } = plan(specOf(), { options: { storage: '50Gi', storageClass: 'fast' } })
    expect(claim.spec).toMatchObject({
      storageClassName: 'fast',
      resources: { requests: { storage: '50Gi' } },
    })
    expect(plan(specOf()).claim.spec).not.toHaveProperty('storageClassName')
  })

  it('lets nothing in from other pods', () => {
    expect(plan(specOf()).networkPolicy.spec).toEqual({
      podSelector: { matchLabels: { 'berth.dev/workspace': 'tabcdefghi' } },
      policyTypes: ['Ingress'],
    })
  })

  it('keeps what a replacement replaces, and brings it back', () => {
    const old = plan(specOf(), { options: { annotations: { note: 'old' } } })
    const committed = { ...old.claim.metadata?.annotations, 'berth.dev/complete': 'true' }
    const replacement = plan(specOf(withUser({}, { reference: 'debian:trixie' })), {
      replacing: { previous: previousOf(old.statefulSet) },
    })
    expect(replacement.statefulSet.metadata?.annotations).toMatchObject({
      'berth.dev/complete': 'true',
      'berth.dev/replacing': 'true',
      'berth.dev/image': 'debian:trixie',
    })
    const back = restoredStatefulSet(replacement.statefulSet, previousOf(old.statefulSet), committed)
    expect(back.spec).toEqual(old.statefulSet.spec)
    expect(back.metadata).toEqual({
      ...old.statefulSet.metadata,
      annotations: { ...old.statefulSet.metadata?.annotations, 'berth.dev/complete': 'true' },
    })
  })

  it('refuses a definition that leaves no room for a replacement', () => {
    const sized = (size: number) => specOf({}, { containerEnv: { BIG: 'x'.repeat(size) } })
    expect(() => plan(sized(100_000))).not.toThrow()
    expect(() => plan(sized(140_000))).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: 'definition-invalid' }) }),
    )
  })
})

it.each([
  ['Ann Ö. <ann@example.org>', 'Ann-.-ann-example.org'],
  ['---', ''],
  ['x'.repeat(80), 'x'.repeat(63)],
])('makes a label of %s', (text, label) => {
  expect(labelSafe(text)).toBe(label)
})

it('writes what the kubelet would fill in as it is meant', () => {
  expect(literal('$! $(A) $$')).toBe('$$! $$(A) $$$$')
})
