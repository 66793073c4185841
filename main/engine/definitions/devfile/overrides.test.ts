import { describe, expect, test } from 'vitest'
import { read, reasonOf, refused } from './reading.test-helper'

const changed = (name: string, overrides: string, more = '') =>
  `  - {name: ${name}, attributes: {${overrides}}, container: {image: x${more}}}\n`
const readAll = (...components: string[]) => read(`components:\n${components.join('')}`)

describe('overrides of containers', () => {
  test('are amounts, variables, users and rights of the container that they stand at', async () => {
    const { containerEnv, containerUser, hostRequirements, container, services, notApplied } = await readAll(
      changed(
        'dev',
        `container-overrides: {
          resources: {requests: {memory: 2Gi, cpu: 1.5}, limits: {amd.com/gpu: 2}},
          env: [{name: A, value: changed}],
          securityContext: {runAsUser: 1000, runAsGroup: 100, capabilities: {add: [SYS_PTRACE], drop: [CHOWN]}}}`,
        ', memoryRequest: 1Gi, env: [{name: A, value: first}]',
      ),
      changed(
        'db',
        `container-overrides: {
          resources: {limits: {memory: 1Gi}},
          securityContext: {privileged: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false,
            runAsUser: 999, seccompProfile: {type: RuntimeDefault}}}`,
        ', mountSources: false',
      ),
    )
    expect(notApplied).toEqual([])
    expect(containerEnv.A).toBe('changed')
    expect(containerUser).toBe('1000:100')
    expect(hostRequirements).toEqual({
      memory: 2 * 1024 ** 3,
      cpus: 1.5,
      gpu: 'required',
      gpuDevices: { resource: 'amd.com/gpu', count: 2 },
    })
    expect(container).toEqual({
      capabilitiesDropped: ['CHOWN'],
      rights: [
        { kind: 'capability', value: 'SYS_PTRACE' },
        { kind: 'privileged', value: '', service: 'db' },
      ],
    })
    expect(services[0]).toMatchObject({
      user: '999',
      container: { memory: 1024 ** 3, readOnly: true, noNewPrivileges: true },
    })
  })

  test('that are not taken are named, each with the reason', async () => {
    const definition = await readAll(
      changed(
        'dev',
        `container-overrides: {
          image: y, livenessProbe: {}, constructor: {},
          resources: {requests: {hugepages-2Mi: 4Mi, nvidia.com/gpu: 0}, limits: {memory: 1Gi}, claims: []},
          env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: B, value: b}],
          securityContext: {runAsNonRoot: true, runAsGroup: 5, procMount: Unmasked, readOnlyRootFilesystem: true,
            seccompProfile: {type: Localhost, localhostProfile: x}}}`,
      ),
      changed(
        'db',
        'container-overrides: {resources: {limits: {nvidia.com/gpu: "1"}}}',
        ', mountSources: false',
      ),
      changed('text', 'container-overrides: "{}", other: {any: 1}', ', mountSources: false'),
      '  - {name: v, attributes: {pod-overrides: {}}, volume: {}}\n',
    )
    const at = 'components.dev.attributes.container-overrides'
    expect(definition.notApplied.map(({ field }) => field).sort()).toEqual(
      [
        ...[
          ...[
            'image',
            'livenessProbe',
            'constructor',
            'resources.requests.hugepages-2Mi',
            'resources.claims',
          ],
          ...['resources.limits.memory', 'env[0]'],
          ...['runAsNonRoot', 'runAsGroup', 'procMount', 'readOnlyRootFilesystem', 'seccompProfile'].map(
            (name) => `securityContext.${name}`,
          ),
        ].map((name) => `${at}.${name}`),
        'components.db.attributes.container-overrides.resources.limits.nvidia.com/gpu',
        'components.text.attributes.container-overrides',
        'components.v',
        'components.v.attributes.pod-overrides',
      ].sort(),
    )
    expect(definition.containerEnv).toMatchObject({ B: 'b' })
    expect(definition.containerUser).toBeUndefined()
    expect(definition.container).toBeUndefined()
    expect(definition.hostRequirements).toBeUndefined()
  })

  test.each([
    ['{resources: {limits: {memory: much}}}', 'must be an amount'],
    ['{resources: {limits: {nvidia.com/gpu: 0.5}}}', 'must be a whole number'],
    ['{securityContext: {runAsUser: root}}', 'must be the number of a user'],
    ['{securityContext: {runAsUser: 4294967295}}', 'must be the number of a user'],
    ['{env: [{name: PROJECT_SOURCE, value: x}]}', 'is set by Berth itself'],
    ['{securityContext: {privileged: 1}}', 'must be true or false'],
  ])('are refused where they are mistakes: %s', async (overrides, cause) => {
    const problem = await refused(`components:\n${changed('dev', `container-overrides: ${overrides}`)}`)
    expect(problem.cause).toMatch(/^Line \d+, column \d+: /)
    expect(problem.cause).toContain(cause)
  })
})

test('overrides of pods are rights of the workspace, and what a pod is chosen with is named', async () => {
  const definition = await read(`
attributes:
  pod-overrides:
    metadata: {labels: {a: b}, annotations: {c: d}}
    spec:
      hostNetwork: true
      nodeSelector: {disk: fast}
      priorityClassName: high
      serviceAccountName: admin
      securityContext: {sysctls: [{name: net.core.somaxconn, value: "1024"}], supplementalGroups: [2000], fsGroup: 1}
components:
${changed('dev', 'pod-overrides: {spec: {hostAliases: [{ip: 10.0.0.5, hostnames: [db.test]}], dnsConfig: {nameservers: [10.0.0.2], options: [{name: ndots, value: "2"}]}}}')}`)
  expect(definition.container).toEqual({
    groups: ['2000'],
    extraHosts: [{ name: 'db.test', address: '10.0.0.5' }],
    dns: ['10.0.0.2'],
    dnsOptions: ['ndots:2'],
    rights: [
      { kind: 'namespace', value: 'network' },
      { kind: 'sysctl', value: 'net.core.somaxconn=1024' },
    ],
  })
  const at = 'attributes.pod-overrides'
  expect(reasonOf(definition, `${at}.spec.nodeSelector`)).toContain('"berth up --node-selector"')
  expect(definition.notApplied.map(({ field }) => field)).toEqual(
    [
      ...['metadata.labels', 'metadata.annotations', 'spec.nodeSelector', 'spec.priorityClassName'],
      ...['spec.serviceAccountName', 'spec.securityContext.fsGroup'],
    ].map((name) => `${at}.${name}`),
  )
})
