import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Source } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { freePort, type Registry, startRegistry } from '../harness/registry'
import { Machine, Rig, writeFiles } from '../workspaces/rig'

const mebibyte = 1024 * 1024
let namespace: TestNamespace
let registry: Registry
let machine: Machine
let rig: Rig
let targetId: string
let builder: string
const made: string[] = []

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  registry = await startRegistry({ password: true })
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  login(registry.password)
  rig = new Rig(machine, { kind: 'both' })
  await rig.service.settled
  const idOf = (kind: string) => rig.service.targets.list().find((one) => one.kind === kind)?.id ?? 'none'
  targetId = idOf('kubernetes')
  builder = idOf('docker')
})

afterEach(() => {
  expect(machine.leftovers()).toEqual([])
})

afterAll(async () => {
  await rig?.dispose()
  expect(images()).toEqual([])
  machine?.dispose()
  await registry?.dispose()
  await namespace?.dispose()
})

/** As `docker login` leaves it. */
function login(password: string | undefined, address = registry.address): void {
  mkdirSync(join(machine.home, '.docker'), { recursive: true })
  const auth = Buffer.from(`${registry.user}:${password}`).toString('base64')
  const config = password === undefined ? {} : { auths: { [address]: { auth } } }
  writeFileSync(join(machine.home, '.docker/config.json'), JSON.stringify(config))
}

/** A folder with a Dockerfile; each has a base of its own, so that no test finds what another one made. */
function project(name: string, dockerfile = 'RUN echo built > /made\n'): Source & { kind: 'folder' } {
  const path = join(machine.home, name)
  writeFiles(path, {
    '.devcontainer/devcontainer.json': JSON.stringify({
      build: { dockerfile: 'Dockerfile', context: '..', args: { WHO: name } },
    }),
    '.devcontainer/Dockerfile': `FROM ${TEST_IMAGES.debian}\nARG WHO\nLABEL who=$WHO\nCOPY greeting /greeting\n${dockerfile}`,
    greeting: `hello ${name}\n`,
  })
  return { kind: 'folder', path }
}

/** In a repository of the registry of its own. */
const on = (repository: string) => ({
  targetId,
  kubernetes: { dockerLogin: true, build: { builder, pushTo: `${registry.address}/${repository}` } },
})

async function up(source: Source, repository: string) {
  const { id, operationId } = await rig.create(source, on(repository))
  made.push(id)
  return { id, operation: await rig.succeeded(operationId) }
}

/** What the builder has of the workspaces that were made here, or under a name of the registry. */
function images(): string[] {
  const listed = execFileSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'], {
    encoding: 'utf8',
  })
  return listed
    .split('\n')
    .filter((name) => name.includes(registry.address) || made.some((id) => name.startsWith(`berth/${id}:`)))
}

async function tags(repository: string): Promise<string[]> {
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
  const answer = await fetch(`http://${registry.address}/v2/${repository}/tags/list`, {
    headers: { authorization: `Basic ${auth}` },
  })
  const { tags: found } = (await answer.json()) as { tags?: string[] | null }
  return found ?? []
}

const detail = (operation: { steps: readonly { id: string; detail?: string | undefined }[] }, id: string) =>
  operation.steps.find((step) => step.id === id)?.detail

describe('a definition with a build, on a cluster', () => {
  it('has its Features installed there, on top of what is built, with what its image says of itself', async () => {
    const { path } = project('featured', 'LABEL devcontainer.metadata=\'{"remoteUser":"dev"}\'\n')
    writeFiles(path, {
      '.devcontainer/devcontainer.json': JSON.stringify({
        build: { dockerfile: 'Dockerfile', context: '..', args: { WHO: 'featured' } },
        features: { './mark': 'loud' },
      }),
      '.devcontainer/mark/devcontainer-feature.json': JSON.stringify({
        id: 'mark',
        version: '1.0.0',
        name: 'Mark',
        options: { version: { type: 'string', default: 'quiet' } },
        containerEnv: { MARKED: 'yes' },
      }),
      '.devcontainer/mark/install.sh': '#!/bin/sh\necho "$VERSION $_REMOTE_USER" > /usr/local/share/mark\n',
    })
    const { id, operation } = await up({ kind: 'folder', path }, 'team/featured')
    expect(operation.steps.map((step) => step.id)).toEqual(
      expect.arrayContaining(['features', 'build', 'push', 'image']),
    )
    expect(rig.workspace(id).user.name).toBe('dev')
    expect(await rig.run(id, 'sh', '-c', 'cat /usr/local/share/mark /greeting; echo $MARKED')).toBe(
      'loud dev\nhello featured\nyes\n',
    )
    expect((await rig.act('delete', id)).state).toBe('succeeded')
    expect(images()).toEqual([])
  })

  it('is built on the chosen engine, pushed with its login, and pulled by the node', async () => {
    const source = project('first')
    const { id, operation } = await up(source, 'team/first')
    expect(operation.steps.map((step) => step.id)).toEqual(expect.arrayContaining(['build', 'push', 'image']))
    expect(await rig.run(id, 'cat', '/made', '/greeting')).toBe('built\nhello first\n')
    const found = await tags('team/first')
    expect(found).toEqual([expect.stringMatching(/^berth-[0-9a-f]{40}$/)])
    const { image, definition, kubernetes } = rig.workspace(id)
    expect(image).toBe(`${registry.address}/team/first:${found[0]}`)
    expect(definition.build?.dockerfile).toBe('.devcontainer/Dockerfile')
    expect(kubernetes?.build).toEqual({ builder, pushTo: `${registry.address}/team/first` })
    expect(images().filter((name) => name.includes(registry.address))).toEqual([])
    expect(images().length).toBe(1)
    expect(JSON.stringify([rig.outputs, operation])).not.toContain(registry.password)

    // Another one of the same content: nothing is built, nothing is pushed.
    const before = rig.outputs.length
    const same = await up(source, 'team/first')
    expect(detail(same.operation, 'build')).toBe('Unchanged since it was last built')
    expect(rig.outputs.slice(before).join('')).not.toMatch(/Step 1|^#\d+ \[|Pushed|Pushing/m)
    expect(await tags('team/first')).toEqual(found)
    expect((await rig.act('delete', same.id)).state).toBe('succeeded')

    // A rebuild takes what the source in the workspace says now.
    expect((await rig.act('rebuild', id)).steps.find((step) => step.id === 'build')?.detail).toBe(
      'Unchanged since it was last built',
    )
    await rig.run(id, 'sh', '-c', 'echo changed > greeting')
    const again = await rig.act('rebuild', id)
    expect(again.problem).toBeUndefined()
    expect(await rig.run(id, 'cat', '/greeting')).toBe('changed\n')
    expect((await tags('team/first')).length).toBe(2)
    expect(images().length).toBe(1)

    expect((await rig.act('delete', id)).state).toBe('succeeded')
    expect(images()).toEqual([])
  })

  it('is worked in as its image says, which its registry knows', async () => {
    const label = `LABEL devcontainer.metadata='[{"remoteUser":"dev","remoteEnv":{"FROM":"image"}}]'\n`
    const { id } = await up(project('labelled', label), 'team/labelled')
    expect(rig.workspace(id).user.name).toBe('dev')
    expect(await rig.run(id, 'sh', '-c', 'id -un; echo $FROM')).toBe('dev\nimage\n')
    // The same image by its name, as whoever has not built it has it.
    const { image } = rig.workspace(id)
    const other = join(machine.home, 'by-name')
    writeFiles(other, { '.devcontainer.json': JSON.stringify({ image }) })
    const second = await up({ kind: 'folder', path: other }, 'team/unused')
    expect(await rig.run(second.id, 'sh', '-c', 'id -un; echo $FROM')).toBe('dev\nimage\n')
    for (const one of [id, second.id]) expect((await rig.act('delete', one)).state).toBe('succeeded')
  })

  it('is told of while it is pushed, layer by layer and in bytes', async () => {
    const { id, operationId } = await rig.create(
      project('large', `RUN head -c ${24 * mebibyte} /dev/urandom > /noise\n`),
      on('team/large'),
    )
    made.push(id)
    const seen = new Set<string>()
    let bytes = 0
    const stop = rig.service.operations.onChange(() => {
      const step = rig.service.operations.get(operationId)?.steps.find((one) => one.id === 'push')
      if (step?.state !== 'running') return
      if (step.detail) seen.add(step.detail)
      bytes = Math.max(bytes, step.progress?.total ?? 0)
    })
    await rig.succeeded(operationId)
    stop()
    expect([...seen].some((text) => /^Pushing: \d+ of \d+ layers are there$/.test(text))).toBe(true)
    expect(bytes).toBeGreaterThan(20 * mebibyte)
    expect((await rig.act('delete', id)).state).toBe('succeeded')
  })

  it('says what to set where nothing is', async () => {
    const { operationId } = await rig.create(project('unset'), { targetId })
    expect(await rig.failure(operationId)).toMatchObject({
      code: 'definition-unsupported',
      cause: expect.stringMatching(/who builds it and which repository/),
      remedy: expect.stringContaining('--push-to'),
      actions: [{ kind: 'settings' }],
    })
    const other = await rig.create(project('unset'), {
      targetId,
      kubernetes: { build: { builder: 'docker:none', pushTo: 'a.test/b' } },
    })
    expect(await rig.failure(other.operationId)).toMatchObject({
      code: 'not-found',
      actions: [{ kind: 'settings' }],
    })
    const cluster = await rig.create(project('unset'), {
      targetId,
      kubernetes: { build: { builder: targetId, pushTo: 'a.test/b' } },
    })
    expect(await rig.failure(cluster.operationId)).toMatchObject({ code: 'unsupported' })
  })
})

describe('what goes wrong leaves nothing', () => {
  const fails = async (name: string, dockerfile?: string, pushTo?: string) => {
    const choice = on(`team/${name}`)
    const kubernetes = pushTo === undefined ? choice.kubernetes : { build: { builder, pushTo } }
    const { id, operationId } = await rig.create(project(name, dockerfile), { ...choice, kubernetes })
    made.push(id)
    const problem = await rig.failure(operationId)
    expect(images()).toEqual([])
    expect(rig.service.workspaces.get(id)).toBeUndefined()
    return { problem, log: rig.service.operations.get(operationId) }
  }

  it('a build that fails', async () => {
    const { problem } = await fails('failing', 'RUN echo on the way && exit 7\n')
    expect(problem).toMatchObject({ code: 'build-failed', cause: expect.stringContaining('code 7') })
    expect(rig.output).toContain('on the way')
    expect(await tags('team/failing')).toEqual([])
  })

  it.each([
    ['a wrong login', 'no-such-password', /does not accept/],
    ['no login', undefined, /wants a login/],
  ])('%s is told before anything is built', async (_, password, cause) => {
    login(password)
    const before = rig.outputs.length
    try {
      const { problem } = await fails(`login-${password === undefined}`)
      expect(problem).toMatchObject({ code: 'registry-auth', cause: expect.stringMatching(cause) })
      expect(problem.remedy).toContain(`docker login ${registry.address}`)
      expect(JSON.stringify(problem)).not.toContain('no-such-password')
      expect(rig.outputs.slice(before).join('')).not.toMatch(/Step 1|^#\d+ \[/m)
    } finally {
      login(registry.password)
    }
  })

  it('a registry that does not answer is told before anything is built', async () => {
    const before = rig.outputs.length
    const { problem } = await fails('down', undefined, `127.0.0.1:${await freePort()}/team/down`)
    expect(problem).toMatchObject({ code: 'registry-unreachable' })
    expect(rig.outputs.slice(before).join('')).not.toMatch(/Step 1|^#\d+ \[/m)
  })

  it('a credential helper is asked, and its word is what counts', async () => {
    const bin = join(machine.home, 'bin')
    writeFiles(bin, {
      'docker-credential-berthtest.sh': `#!/bin/sh\ncat > ${machine.home}/asked\nprintf '{"Username":"${registry.user}","Secret":"wrong-of-the-helper"}'\n`,
    })
    writeFileSync(
      join(machine.home, '.docker/config.json'),
      JSON.stringify({ credHelpers: { [registry.address]: 'berthtest.sh' } }),
    )
    machine.env.PATH = `${bin}:${process.env.PATH}`
    const other = new Rig(machine, { kind: 'both' })
    try {
      await other.service.settled
      const { operationId } = await other.create(project('helper'), on('team/helper'))
      const problem = await other.failure(operationId)
      expect(problem).toMatchObject({ code: 'registry-auth' })
      expect(JSON.stringify([problem, other.outputs])).not.toContain('wrong-of-the-helper')
      expect(readFileSync(join(machine.home, 'asked'), 'utf8')).toBe(registry.address)
    } finally {
      await other.dispose()
      machine.env.PATH = process.env.PATH
      login(registry.password)
    }
  })

  it('a cancel while it is built', async () => {
    const { id, operationId } = await rig.create(
      project('cancel-build', 'RUN echo "build begins $(date +%N)" && sleep 1000\n'),
      on('team/cancel-build'),
    )
    made.push(id)
    await expect.poll(() => rig.output).toContain('build begins')
    await rig.cancel(operationId)
    expect((await rig.ended(operationId)).state).toBe('cancelled')
    expect(images()).toEqual([])
    expect(await tags('team/cancel-build')).toEqual([])
  })

  it('a cancel while it is pushed', async () => {
    const slow = await startSlowRegistry()
    try {
      const { id, operationId } = await rig.create(project('cancel-push'), {
        targetId,
        kubernetes: { build: { builder, pushTo: `${slow.host}/team/app` } },
      })
      made.push(id)
      await expect.poll(() => slow.bytes()).toBeGreaterThan(mebibyte)
      await rig.cancel(operationId)
      expect((await rig.ended(operationId)).state).toBe('cancelled')
      // The engine has given up as well.
      await expect.poll(() => slow.open()).toBe(0)
      expect(images()).toEqual([])
      const left = execFileSync('docker', ['images', '--format', '{{.Repository}}'], { encoding: 'utf8' })
      expect(left).not.toContain(slow.host)
    } finally {
      await slow.dispose()
    }
  })
})

/** A registry that has nothing, and takes what is uploaded at 1 MB/s. */
async function startSlowRegistry() {
  const blobs = new Set<string>()
  let bytes = 0
  let open = 0
  const server: Server = createServer((request, response) => {
    const { url = '', method } = request
    const upload = { Location: '/v2/team/app/blobs/uploads/1', 'Docker-Upload-UUID': '1', Range: '0-0' }
    if (/^\/v2\/?$/.test(url)) return void response.end('{}')
    if (method === 'POST' && url.includes('/blobs/uploads')) return void response.writeHead(202, upload).end()
    if (method === 'PATCH' || method === 'PUT') {
      open++
      response.once('close', () => {
        open--
      })
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        request.pause()
        setTimeout(() => request.resume(), chunk.length / 1000)
      })
      const digest = new URL(url, 'http://x').searchParams.get('digest')
      request.once('end', () => {
        if (digest) blobs.add(digest)
        response
          .writeHead(digest ? 201 : 202, { ...upload, ...(digest && { 'Docker-Content-Digest': digest }) })
          .end()
      })
      return
    }
    const blob = /\/blobs\/(sha256:\w+)$/.exec(url)?.[1]
    if (blob && blobs.has(blob)) {
      return void response.writeHead(200, { 'Content-Length': '1', 'Docker-Content-Digest': blob }).end()
    }
    response.writeHead(404, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] }))
  })
  server.requestTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    bytes: () => bytes,
    open: () => open,
    dispose: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
