import { expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../cli/berth'
import { TEST_IMAGES } from '../harness/images'
import { type ClusterRig, withClusterRig } from './cluster-rig'

let namespace: ClusterRig['namespace']
let rig: ClusterRig['rig']
let source: ClusterRig['source']
withClusterRig((made) => {
  ;({ namespace, rig, source } = made)
})

it('objects that commands and postStop apply are made then, where they were allowed, and go with the workspace', async () => {
  const later = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later' } })
  // Complete as soon as its controller sees it, and without a pod.
  const after = JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'after' },
    spec: {
      completions: 0,
      template: {
        spec: { restartPolicy: 'Never', containers: [{ name: 'one', image: TEST_IMAGES.debian }] },
      },
    },
  })
  const demand = source('demand', {
    'devfile.yaml': JSON.stringify({
      schemaVersion: '2.2.0',
      components: [
        { name: 'dev', container: { image: TEST_IMAGES.debian } },
        { name: 'later', kubernetes: { inlined: later } },
        { name: 'after', openshift: { inlined: after, deployByDefault: false } },
      ],
      commands: [
        { id: 'put', apply: { component: 'later' } },
        { id: 'work', apply: { component: 'after' } },
      ],
      events: { postStop: ['work'] },
    }),
  })
  const { id } = await rig.up(demand, { allowRights: true })
  const run = (name: string) =>
    rig.service.handlers['workspaces.runTask']({ workspaceId: id, name }, new AbortController().signal)
  const verbs = ['get', 'create', 'patch', 'delete']
  await expect(run('put'), 'what is missing is said').rejects.toMatchObject({
    problem: { cause: expect.stringContaining('configmaps') },
  })
  await namespace.setRules([
    ...(await namespace.rules()),
    { apiGroups: [''], resources: ['configmaps'], verbs },
    { apiGroups: ['batch'], resources: ['jobs'], verbs },
  ])
  const seen = (kind: string, name: string, path = '.metadata.uid') =>
    namespace.kubectl('get', kind, '--ignore-not-found', '-o', `jsonpath={${path}}`, name)
  expect(await seen('configmap', 'later'), 'what a command makes is not there before').toBe('')

  let berth: CommandLine | undefined
  try {
    berth = await commandLine()
    Object.assign(berth.env, { KUBECONFIG: namespace.kubeconfig })
    const put = await berth.run(['tasks', 'run', id, 'put'])
    expect([put.code, put.stdout.toString(), put.stderr]).toEqual([
      0,
      '',
      'In the cluster: ConfigMap later\n',
    ])
  } finally {
    await berth?.dispose()
  }
  expect(await seen('configmap', 'later')).not.toBe('')

  expect(await seen('job', 'after')).toBe('')
  await rig.act('stop', id)
  const first = await seen('job', 'after')
  expect(first, 'postStop').not.toBe('')
  const complete = () => seen('job', 'after', '.status.conditions[?(@.type=="Complete")].status')
  await expect.poll(complete, { interval: 500 }).toBe('True')
  await run('work')
  expect(await seen('job', 'after'), 'one that has ended begins anew').not.toBe(first)

  await rig.act('delete', id)
  for (const [kind, name] of [
    ['configmap', 'later'],
    ['job', 'after'],
  ] as const)
    await expect.poll(() => seen(kind, name), { interval: 500 }).toBe('')
})
