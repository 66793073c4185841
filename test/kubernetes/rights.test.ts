import { expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { type ClusterRig, withClusterRig } from './cluster-rig'

let namespace: ClusterRig['namespace']
let rig: ClusterRig['rig']
let source: ClusterRig['source']
withClusterRig((made) => {
  ;({ namespace, rig, source } = made)
})

it('gives a pod what was allowed, and names what a pod cannot have', async () => {
  const tracer = source('tracer', {
    '.devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      remoteUser: 'dev',
      capAdd: ['SYS_PTRACE'],
      runArgs: [
        ...['--device=/dev/fuse', '--shm-size=32m', '--add-host', 'far.test:10.1.2.3', '--group-add=4242'],
        ...['--ulimit=nofile=1024', '-h', 'own'],
      ],
    }),
  })
  const { id, definition } = await rig.up(tracer)
  const named = () => rig.workspace(id).definition.notApplied.map(({ field }) => field)
  const always = ['device /dev/fuse:/dev/fuse:rwm', 'hostname', 'ulimit nofile']
  expect(definition.notApplied.map(({ field }) => field)).toEqual(['capAdd SYS_PTRACE', ...always])
  const tell = async () => {
    const script =
      'grep -E "CapBnd|NoNewPrivs" /proc/1/status | tr -d "\\t"; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; getent hosts far.test | cut -d" " -f1; id -G'
    return (await rig.run(id, 'sh', '-c', script)).trim().split('\n')
  }
  const [bounded, confined, shared, address, groups] = await tell()
  expect([bounded, confined]).toEqual(['CapBnd:0000000000000000', 'NoNewPrivs:1'])
  expect(address).toBe('10.1.2.3')
  expect(groups?.split(' ')).toContain('4242')
  // Kubernetes sizes it from 1.22 on; before, the node evicts who takes more.
  expect(Number(shared)).toBeGreaterThanOrEqual(32 * 1024)

  const { operationId } = await rig.service.handlers['workspaces.rebuild'](
    { workspaceId: id, allowRights: true },
    new AbortController().signal,
  )
  await rig.succeeded(operationId)
  expect((await tell()).slice(0, 2)).toEqual(['CapBnd:0000000000080000', 'NoNewPrivs:0'])
  expect(named()).toEqual(always)
})

it('makes the objects of a devfile beside the workspace where they were allowed, and they go with it', async () => {
  const settings = (value: string, ...more: readonly string[]) =>
    ['settings', ...more]
      .map((name) =>
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } }),
      )
      .join('\n---\n')
  const beside = source('beside', {
    'devfile.yaml': JSON.stringify({
      schemaVersion: '2.2.0',
      components: [
        { name: 'dev', container: { image: TEST_IMAGES.debian } },
        { name: 'settings', kubernetes: { uri: 'settings.yaml' } },
      ],
    }),
    'settings.yaml': settings('one', 'extra'),
  })
  const seen = () =>
    namespace.kubectl('get', 'configmap', '--ignore-not-found', '-o', 'jsonpath={.data.value}', 'settings')
  const gone = async (name: string) =>
    (await namespace.kubectl('get', 'configmap', '--ignore-not-found', '-o', 'name', name)) === ''
  const rules = await namespace.rules()
  const mine = { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch', 'delete'] }

  const refused = async (name: string) => {
    const more = { name, allowRights: true }
    return rig.failure((await rig.create(beside, more)).operationId)
  }
  expect(JSON.stringify(await refused('first')), 'what is missing is said').toContain('configmaps')

  await namespace.setRules([...rules, mine])
  const { id, definition } = await rig.up(beside)
  expect(definition.notApplied[0]?.field).toMatch(/^ConfigMap settings /)
  expect(await seen(), 'nothing is made unasked').toBe('')
  const rebuild = async (allowRights?: boolean) => {
    const input = { workspaceId: id, ...(allowRights !== undefined && { allowRights }) }
    const { operationId } = await rig.service.handlers['workspaces.rebuild'](
      input,
      new AbortController().signal,
    )
    await rig.succeeded(operationId)
  }
  await rebuild(true)
  expect(await seen()).toBe('one')
  expect(await gone('extra')).toBe(false)

  // The source is the workspace's own copy by now.
  const file = '/projects/beside/settings.yaml'
  await rig.run(id, 'sh', '-c', `printf %s "$1" > ${file}`, 'sh', settings('two'))
  await rebuild()
  expect(await seen(), 'another manifest was not allowed').toBe('')
  expect(await gone('extra'), 'what is not wanted any more goes').toBe(true)
  await rebuild(true)
  expect(await seen()).toBe('two')

  await namespace.kubectl('create', 'configmap', 'theirs')
  await rig.run(id, 'sh', '-c', `printf %s "$1" > ${file}`, 'sh', settings('three', 'more', 'theirs'))
  const { operationId } = await rig.service.handlers['workspaces.rebuild'](
    { workspaceId: id, allowRights: true },
    new AbortController().signal,
  )
  expect((await rig.failure(operationId)).cause).toContain('does not belong to this workspace')
  expect(await seen(), 'a rebuild that fails changes nothing').toBe('two')
  expect(await gone('more')).toBe(true)
  expect(await gone('theirs')).toBe(false)

  expect((await refused('second')).cause).toContain('does not belong to this workspace')
  expect(await seen(), "another workspace's object is left alone").toBe('two')

  await rig.act('delete', id)
  await expect.poll(() => gone('settings'), { interval: 500 }).toBe(true)
})
