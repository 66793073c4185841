import { describe, expect, test } from 'vitest'
import { read, reasonOf } from './reading.test-helper'

const web = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 1 } }
const manifest = JSON.stringify(web)

describe('objects of a cluster', () => {
  test('are read from the file, the repository and an address, each to be allowed', async () => {
    const { clusterObjects, container, notApplied } = await read(
      `
components:
  - {name: dev, container: {image: x}}
  - {name: inside, kubernetes: {inlined: '${manifest}'}}
  - {name: file, openshift: {uri: deploy/all.yaml, endpoints: [{name: http, targetPort: 80}]}}
  - {name: away, kubernetes: {uri: "https://example.com/one.yaml"}}
`,
      {
        files: {
          'deploy/all.yaml':
            'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: other, ownerReferences: []}\nstatus: {}\n---\n# nothing\n---\n' +
            'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n',
        },
        context: {
          fetchText: async (address) =>
            `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {from: "${address}"}}`,
        },
      },
    )
    expect(clusterObjects?.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'Deployment web',
      'Service web',
      'ConfigMap a',
      'ConfigMap b',
      'ConfigMap c',
    ])
    expect(clusterObjects?.[0]?.manifest).toEqual(web)
    expect(clusterObjects?.[1]?.manifest).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
    })
    expect(clusterObjects?.[4]?.manifest).toMatchObject({ data: { from: 'https://example.com/one.yaml' } })
    expect(container?.rights.map(({ kind, value }) => `${kind} ${value}`)).toEqual([
      expect.stringMatching(/^clusterObject Deployment web \(apps\/v1, [0-9a-f]{16}\)$/),
      expect.stringMatching(/^clusterObject Service web/),
      expect.stringMatching(/^clusterObject ConfigMap a/),
      expect.stringMatching(/^clusterObject ConfigMap b/),
      expect.stringMatching(/^clusterObject ConfigMap c/),
    ])
    expect(container?.rights[0]?.origin).toBe('component inside')
    expect(notApplied).toEqual([
      {
        field: 'components.file',
        reason: 'the Service "web" is made in the namespace of the workspace, and in no other',
      },
      { field: 'components.file.endpoints', reason: "only the workspace's own ports are forwarded" },
    ])
  })

  test('with another manifest are to be allowed anew', async () => {
    const rightOf = async (replicas: number) => {
      const text = JSON.stringify({ ...web, spec: { replicas } })
      const { container } = await read(
        `components: [{name: dev, container: {image: x}}, {name: a, kubernetes: {inlined: '${text}'}}]`,
      )
      return container?.rights[0]?.value
    }
    expect(await rightOf(1)).not.toBe(await rightOf(2))
  })

  test('are made by themselves, unless only a command applies them', async () => {
    const { clusterObjects, tasks, notApplied } = await read(`
components:
  - {name: dev, container: {image: x}}
  - {name: said, kubernetes: {inlined: '${manifest}', deployByDefault: true}}
  - {name: never, kubernetes: {inlined: '${manifest}', deployByDefault: false}}
  - {name: later, kubernetes: {inlined: '${manifest}'}}
  - {name: first, kubernetes: {inlined: '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "first"}}'}}
commands:
  - {id: put, apply: {component: later}}
  - {id: said, apply: {component: said}}
  - {id: begin, apply: {component: first}}
  - {id: all, composite: {commands: [begin]}}
events: {preStart: [all]}
`)
    expect(clusterObjects?.map(({ kind, onDemand }) => [kind, onDemand])).toEqual([
      ['Deployment', undefined],
      ['Secret', undefined],
    ])
    expect(notApplied.map(({ field }) => field)).toEqual(['components.never'])
    const [deployment, secret] = (clusterObjects ?? []).map(({ digest }) => digest)
    expect(tasks.map(({ name, objects, command }) => [name, objects, command])).toEqual([
      ['put', [deployment], undefined],
      ['said', [deployment], undefined],
      ['begin', [secret], undefined],
      ['all', [secret], undefined],
    ])
  })

  test('are put into the cluster by commands, before what runs in a terminal, and after a stop', async () => {
    const { clusterObjects, container, tasks, postStopObjects, notApplied } = await read(`
components:
  - {name: dev, container: {image: x}}
  - {name: web, kubernetes: {inlined: '${manifest}', deployByDefault: false}}
  - {name: job, openshift: {inlined: '{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "after"}}'}}
  - {name: lost, kubernetes: {uri: nowhere.yaml}}
commands:
  - {id: test, exec: {component: dev, commandLine: make test}}
  - {id: web, apply: {component: web, label: Deploy, group: {kind: deploy, isDefault: true}}}
  - {id: after, apply: {component: job}}
  - {id: deploy, composite: {commands: [web, after, test]}}
  - {id: side, composite: {commands: [test, web], parallel: true}}
  - {id: late, composite: {commands: [test, web]}}
  - {id: lost, apply: {component: lost}}
  - {id: stopped, composite: {commands: [after, after]}}
events: {postStop: [after, stopped]}
`)
    expect(clusterObjects?.map(({ name, onDemand }) => [name, onDemand])).toEqual([
      ['web', true],
      ['after', true],
    ])
    expect(container?.rights.map(({ origin }) => origin)).toEqual(['component web', 'component job'])
    const [web, job] = (clusterObjects ?? []).map(({ digest }) => digest)
    const byName = new Map(tasks.map((task) => [task.name, task]))
    expect(byName.get('web')).toEqual({
      name: 'web',
      label: 'Deploy',
      automatic: false,
      objects: [web],
      env: {},
      group: 'deploy',
      isDefault: true,
    })
    expect(byName.get('deploy')?.objects).toEqual([web, job])
    expect(byName.get('deploy')?.command).toContain('make test')
    expect(byName.get('side')?.objects).toEqual([web])
    expect(postStopObjects).toEqual([job])
    expect(notApplied.map(({ field }) => field)).toEqual([
      'components.lost',
      'commands.late',
      'commands.lost',
    ])
    expect(notApplied[1]?.reason).toContain('before all others')
  })

  const most = `${'a: &a [x, x, x, x, x, x, x, x, x]\n'}${'bcdefgh'
    .split('')
    .map((letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(', ')}]\n`)
    .join('')}`
  test.each([
    ['{uri: nowhere.yaml}', 'its manifest is missing: there is no file nowhere.yaml'],
    ['{uri: "https://example.com/x.yaml"}', 'its manifest is elsewhere, and nothing can be fetched here'],
    ['{inlined: "kind: Route"}', /^its manifest holds something without/],
    ['{inlined: "{{"}', /^its manifest is not YAML/],
    ['{uri: bomb.yaml}', /^its manifest is not YAML: Excessive alias count/],
    ['{uri: large.yaml}', 'its objects are more than can be kept with a workspace'],
    ['{uri: many.yaml}', 'its objects are more than can be kept with a workspace'],
  ])('are named where they cannot be made: %s', async (section, reason) => {
    const definition = await read(
      `components: [{name: dev, container: {image: x}}, {name: a, kubernetes: ${section}}]`,
      {
        files: {
          'bomb.yaml': most,
          'large.yaml': JSON.stringify({ ...web, spec: 'x'.repeat(70_000) }),
          'many.yaml': Array.from({ length: 41 }, () => `---\n${manifest}\n`).join(''),
        },
      },
    )
    expect(definition.clusterObjects).toBeUndefined()
    expect(definition.container).toBeUndefined()
    expect(reasonOf(definition, 'components.a')).toEqual(
      typeof reason === 'string' ? reason : expect.stringMatching(reason),
    )
  })
})

test('containers that preStart applies run to their end before the others', async () => {
  const { services, dependsOn } = await read(`
components:
  - {name: dev, container: {image: x}}
  - {name: init, container: {image: y, mountSources: false}}
  - {name: db, container: {image: z, mountSources: false}}
commands: [{id: begin, apply: {component: init}}]
events: {preStart: [begin]}
`)
  expect(services.map((one) => [one.name, one.restart, one.dependsOn])).toEqual([
    ['init', 'never', []],
    ['db', 'always', [{ service: 'init', condition: 'completed' }]],
  ])
  expect(dependsOn).toEqual([
    { service: 'init', condition: 'completed' },
    { service: 'db', condition: 'started' },
  ])
})
