import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Source } from '#contract'
import { buildKitImage, withLoopback } from '../harness/buildkit'
import { TEST_IMAGES } from '../harness/images'
import type { OwnCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type Registry, startRegistry } from '../harness/registry'
import { Machine, Rig, writeFiles } from '../workspaces/rig'

let cluster: Awaited<ReturnType<typeof sharedCluster>>
let namespace: TestNamespace
let registry: Registry
let machine: Machine
let rig: Rig
let targetId: string

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  registry = await startRegistry({ password: true })
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig, TOKEN: 'hush-hush' })
  mkdirSync(join(machine.home, '.docker'), { recursive: true })
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
  writeFileSync(
    join(machine.home, '.docker/config.json'),
    JSON.stringify({ auths: { [registry.address]: { auth } } }),
  )
  rig = new Rig(machine, { kind: 'both' })
  await rig.service.settled
  targetId = rig.service.targets.list().find((one) => one.kind === 'kubernetes')?.id ?? 'none'
})

afterEach(() => {
  expect(machine.leftovers()).toEqual([])
  expect(builders()).toBe('')
})

afterAll(async () => {
  await rig?.dispose()
  machine?.dispose()
  await registry?.dispose()
  await namespace?.dispose()
})

const builders = () =>
  execFileSync('kubectl', ['get', 'pods', '-l', 'berth.dev/role=build', '-o', 'name'], {
    env: { ...process.env, KUBECONFIG: namespace.kubeconfig },
    encoding: 'utf8',
  })

function project(
  name: string,
  files: Record<string, string>,
  build: object = {},
  features: object = {},
): Source & { kind: 'folder' } {
  const path = join(machine.home, name)
  writeFiles(path, {
    '.devcontainer/devcontainer.json': JSON.stringify({
      build: { dockerfile: 'Dockerfile', context: '..', ...build },
      features,
    }),
    ...files,
  })
  return { kind: 'folder', path }
}

const on = (builderImage: string) => ({
  targetId,
  kubernetes: {
    dockerLogin: true,
    build: { builder: 'cluster', pushTo: `${registry.address}/team/app`, builderImage },
  },
})

it('says what to do where the image to build with cannot be pulled', async () => {
  const source = project('no-image', { '.devcontainer/Dockerfile': 'FROM scratch\n' })
  const { operationId } = await rig.create(source, on(`${registry.address}/no/buildkit:rootless`))
  const problem = await rig.failure(operationId)
  expect(problem).toMatchObject({
    title: `The builder's image "${registry.address}/no/buildkit:rootless" could not be pulled`,
    remedy: expect.stringContaining('--builder'),
  })
  expect(problem.code).toMatch(/^(?:image-not-found|registry-auth|registry-unreachable)$/)
})

it('builds in a pod, with all that a build has elsewhere, and once', async ({ skip }) => {
  const made = await buildKitImage()
  if (made === undefined)
    skip(
      'there is no image with BuildKit: BERTH_TEST_BUILDKIT=1 makes one of its sources, which takes minutes',
    )
  if (!('loadImage' in cluster)) return skip('the node is somebody else’s, and gets no image from here')
  const port = Number(registry.address.split(':')[1])
  const { image, dispose } = await withLoopback(made ?? '', port)
  try {
    await (cluster as OwnCluster).loadImage(image)
    const base = await registry.push(TEST_IMAGES.alpine, 'base/alpine:1')
    const files = {
      '.devcontainer/Dockerfile': [
        `FROM ${base} AS tools`,
        'FROM toolbox',
        'ARG WHO',
        'COPY greeting /greeting',
        'COPY --from=shared deep/file /shared',
        'RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length && echo "$WHO" > /who',
        'LABEL devcontainer.metadata=\'{"remoteUser":"dev"}\'',
        '',
      ].join('\n'),
      greeting: 'hello\n',
      'lib/deep/file': 'shared\n',
      'lib/left-out': '',
      // It is installed on top of what has been built, by a build of its own.
      '.devcontainer/mark/devcontainer-feature.json': JSON.stringify({ id: 'mark', version: '1.0.0' }),
      '.devcontainer/mark/install.sh': '#!/bin/sh\necho "$_REMOTE_USER" > /mark\n',
    }
    const build = {
      args: { WHO: 'me' },
      options: [
        '--secret=id=token,env=TOKEN',
        '--build-context=shared=lib',
        `--build-context=toolbox=docker-image://${base}`,
      ],
    }
    const source = project('built', files, build, { './mark': {} })
    const buildGrants = { secrets: [{ id: 'token' }] }
    const first = await rig.create(source, { ...on(image), buildGrants })
    const { steps } = await rig.succeeded(first.operationId)
    expect(steps.map(({ id }) => id)).toEqual(expect.arrayContaining(['build', 'image']))
    expect(steps.map(({ id }) => id)).not.toContain('push')
    expect(await rig.run(first.id, 'sh', '-c', 'cat /greeting /shared /length /who /mark; id -un')).toBe(
      'hello\nshared\n9\nme\ndev\ndev\n',
    )
    const said = JSON.stringify(rig.outputs)
    expect(said).toMatch(/#\d+ \[\S+ \d\/4\] COPY greeting/)
    for (const secret of ['hush-hush', registry.password]) expect(said).not.toContain(secret)
    expect((await rig.act('delete', first.id)).state).toBe('succeeded')

    // The registry has it.
    const second = await rig.create(source, { ...on(image), buildGrants })
    const again = await rig.succeeded(second.operationId)
    expect(again.steps.find(({ id }) => id === 'build')?.detail).toBe('Unchanged since it was last built')
    expect((await rig.act('delete', second.id)).state).toBe('succeeded')

    const broken = project('broken', {
      '.devcontainer/Dockerfile': `FROM ${base}\nRUN echo last words; exit 7\n`,
    })
    const third = await rig.create(broken, on(image))
    const problem = await rig.failure(third.operationId)
    expect(problem).toMatchObject({
      code: 'build-failed',
      cause: expect.stringContaining('line 2) ended with code 7'),
    })
    expect(problem.detail).toContain('last words')
  } finally {
    await dispose()
  }
})
