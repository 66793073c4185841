import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Definition } from '#contract'
import { command } from '../harness/command'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { TEST_IMAGES } from '../harness/images'
import { freePort, type Registry, startRegistry } from '../harness/registry'
import { openDocker } from './docker-harness'
import { definitionOf, makeWorkspace, never, newId, Recorder, run, sh } from './harness'

const docker = (...args: string[]) => command('docker', args)
const opened: { dispose(): Promise<void> }[] = []
const cleanups: (() => void | Promise<void>)[] = []

function open(env: Record<string, string> = {}) {
  const one = openDocker(env)
  opened.push(one)
  return one
}

const imagesOf = async (...filter: string[]) =>
  (await docker('images', '-a', '--no-trunc', '--format', '{{.ID}} {{.Repository}}:{{.Tag}}', ...filter))
    .split('\n')
    .filter(Boolean)
    .sort()

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  for (const one of opened.splice(0)) await one.dispose()
})

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { problem?: { code: string } }) => error.problem?.code ?? String(error),
  )

const request = (
  definition: Partial<Definition>,
  more: { folder?: string; workspaceId?: string; refresh?: boolean } = {},
) => ({
  definition: definitionOf(definition),
  workspaceId: newId(),
  refresh: false,
  ...more,
})

describe('images of a registry', () => {
  let registry: Registry
  let closed: Registry
  let image: string
  let closedImage: string

  beforeAll(async () => {
    registry = await startRegistry()
    closed = await startRegistry({ password: true })
    // Layers that the engine does not have yet, or there would be nothing to pull.
    const folder = mkdtempSync(join(tmpdir(), 'berth-layer-'))
    mkdirSync(join(folder, 'files'))
    writeFileSync(join(folder, 'files', 'random'), randomBytes(20_000_000))
    await command('tar', ['-C', join(folder, 'files'), '-cf', join(folder, 'layer.tar'), '.'])
    const local = (await docker('import', join(folder, 'layer.tar'))).trim()
    rmSync(folder, { recursive: true, force: true })
    image = await registry.push(local, 'some/random:1')
    await docker('rmi', local).catch(() => undefined)
    closedImage = await closed.push(TEST_IMAGES.alpine, 'secret/alpine:2')
  })
  afterAll(async () => {
    await registry?.dispose()
    await closed?.dispose()
    await docker('rmi', image, closedImage).catch(() => undefined)
  })

  it('pulls with progress in bytes that never runs backwards beyond its total', async () => {
    const { driver } = open()
    const report = new Recorder()
    const resolved = await driver.resolveImage(request({ image }), report, never)
    expect(resolved).toMatchObject({
      reference: image,
      built: false,
      hasShell: false,
      user: { name: 'root', home: '/' },
    })
    expect(resolved.id).toMatch(/^sha256:/)
    expect(report.details.join('\n')).toContain('layers')
    expect(report.progresses.at(-1)?.total).toBeGreaterThan(20_000_000)
    for (const progress of report.progresses) {
      expect(progress.unit).toBe('bytes')
      expect(progress.current).toBeLessThanOrEqual(progress.total ?? 0)
    }
    expect(report.text).toContain('Pulling from some/random')
    const again = new Recorder()
    await driver.resolveImage(request({ image }), again, never)
    expect(again.text).toBe('')
    const refreshed = new Recorder()
    await driver.resolveImage(request({ image }, { refresh: true }), refreshed, never)
    expect(refreshed.text).toContain('up to date')
  })

  it('says that a tag, a repository or a name is not there', async () => {
    const { driver } = open()
    for (const name of [
      `${registry.address}/some/random:none`,
      `${registry.address}/no/such`,
      'UPPER:case:odd',
    ]) {
      expect(await codeOf(driver.resolveImage(request({ image: name }), new Recorder(), never))).toBe(
        'image-not-found',
      )
    }
  })

  it('says that nobody answers for a registry, but uses what is there when it only asked for news', async () => {
    const { driver } = open()
    const dead = `127.0.0.1:${await freePort()}/x:1`
    expect(await codeOf(driver.resolveImage(request({ image: dead }), new Recorder(), never))).toBe(
      'registry-unreachable',
    )
    await docker('tag', TEST_IMAGES.alpine, dead)
    cleanups.push(async () => void (await docker('rmi', dead)))
    const report = new Recorder()
    const resolved = await driver.resolveImage(request({ image: dead }, { refresh: true }), report, never)
    expect(resolved.reference).toBe(dead)
    expect(report.text).toContain('already there')
  })

  it('uses the user’s login, from config.json or a credential helper, and says when there is none or a wrong one', async () => {
    const login = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')
    const none = open()
    expect(
      await codeOf(none.driver.resolveImage(request({ image: closedImage }), new Recorder(), never)),
    ).toBe('registry-auth')
    const configured = (config: unknown, env: Record<string, string> = {}) => {
      const one = open(env)
      mkdirSync(join(one.home, '.docker'), { recursive: true })
      writeFileSync(join(one.home, '.docker', 'config.json'), JSON.stringify(config))
      return one
    }
    const wrong = configured({ auths: { [closed.address]: { auth: login(closed.user, 'wrong') } } })
    expect(
      await codeOf(wrong.driver.resolveImage(request({ image: closedImage }), new Recorder(), never)),
    ).toBe('registry-auth')
    const right = configured({
      auths: { [`http://${closed.address}`]: { auth: login(closed.user, closed.password) } },
    })
    expect(
      (await right.driver.resolveImage(request({ image: closedImage }), new Recorder(), never)).user.name,
    ).toBe('root')
    await docker('rmi', closedImage)

    const bin = mkdtempSync(join(tmpdir(), 'berth-helper-'))
    cleanups.push(() => rmSync(bin, { recursive: true, force: true }))
    writeFileSync(
      join(bin, 'docker-credential-test'),
      `#!/bin/sh\nread server\n[ "$server" = "${closed.address}" ] && [ "$1" = get ] && echo '${JSON.stringify({ Username: closed.user, Secret: closed.password })}'\n`,
      { mode: 0o755 },
    )
    const helped = configured(
      { credHelpers: { [closed.address]: 'test' } },
      { PATH: `${bin}:${process.env.PATH}` },
    )
    expect(
      (await helped.driver.resolveImage(request({ image: closedImage }), new Recorder(), never)).reference,
    ).toBe(closedImage)
  })

  it('stops pulling when it is cancelled', async () => {
    const { driver } = open()
    await docker('rmi', image)
    const controller = new AbortController()
    const report = new Recorder()
    report.detail = () => controller.abort()
    expect(await codeOf(driver.resolveImage(request({ image }), report, controller.signal))).toBe('cancelled')
    expect(await imagesOf(image)).toEqual([])
  })
})

describe.each(['BuildKit', 'the classic builder'])('images built by %s', (builder) => {
  const isClassic = builder !== 'BuildKit'
  const openBuilder = (env: Record<string, string> = {}) =>
    open({ ...env, ...(isClassic && { DOCKER_BUILDKIT: '0' }) })
  const repository = (files: Record<string, string>) => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-build-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    return folder
  }
  const build = (fields: Partial<NonNullable<Definition['build']>> = {}) => ({
    dockerfile: 'Dockerfile',
    context: '.',
    args: {},
    ...fields,
  })

  it('builds with arguments, target and .dockerignore, and removes the image with the workspace', async () => {
    const marker = newId()
    const { driver } = openBuilder({ FROM_LAPTOP: 'laptop value' })
    const folder = repository({
      '.devcontainer/Dockerfile': `FROM ${TEST_IMAGES.debian} AS base\nLABEL test=${marker}\nARG A\nARG B\nCOPY . /copied\nRUN echo "$A/$B" > /args\nENV SEEN=yes\nUSER dev\nFROM base AS other\nRUN exit 1\n`,
      '.dockerignore': '# a comment\nnode_modules\n**/*.log\n!keep.log\nsecret*\n',
      'a.txt': 'a',
      empty: '',
      'drop.log': 'x',
      'keep.log': 'kept',
      'sub/deep.log': 'x',
      'node_modules/m/index.js': 'x',
      'secret.env': 'x',
    })
    symlinkSync('a.txt', join(folder, 'link'))
    const before = await imagesOf()
    const report = new Recorder()
    const asked = request(
      {
        build: build({
          dockerfile: '.devcontainer/Dockerfile',
          target: 'base',
          args: { A: 'a b', B: '$' + '{localEnv:FROM_LAPTOP}' },
        }),
      },
      { folder },
    )
    const resolved = await driver.resolveImage(asked, report, never)
    expect(resolved).toMatchObject({
      built: true,
      user: { name: 'dev', home: '/home/dev' },
      env: { SEEN: 'yes' },
    })
    expect(report.text).toMatch(isClassic ? /^Step 1\//m : /^#\d+ \[\S* ?2\/\d\] COPY/m)
    expect(report.progresses.at(-1)).toMatchObject({ unit: 'count' })
    const spec = await makeWorkspace(driver, resolved.reference, {
      id: asked.workspaceId,
      spec: { image: resolved, definition: asked.definition },
    })
    const { stdout } = await run(
      driver,
      spec.id,
      sh('cat /args; cd /copied; find . -type f -o -type l | sort'),
    )
    expect(stdout).toBe(
      'a b/laptop value\n./.devcontainer/Dockerfile\n./.dockerignore\n./a.txt\n./empty\n./keep.log\n./link\n',
    )
    await driver.remove(spec.id, new Recorder(), never)
    const tagged = (await layersOf(before, marker)).filter((line) => !line.endsWith('<none>:<none>'))
    expect(tagged).toEqual([])
    await removeLayers(before, marker)
  })

  it('builds for other targets, and keeps of it one image, which goes with the workspace', async () => {
    const registry = await startRegistry()
    cleanups.push(() => registry.dispose())
    const { driver } = openBuilder()
    const workspaceId = newId()
    const repositoryName = `${registry.address}/for/others`
    const folder = repository({ Dockerfile: `FROM ${TEST_IMAGES.alpine}\nLABEL for=${workspaceId}\n` })
    const asked = {
      definition: definitionOf({ build: build({}) }),
      folder,
      workspaceId,
      repository: repositoryName,
    }
    const { publisher } = driver
    if (!publisher) throw new Error('a Docker engine builds for others')
    const own = async () =>
      (await imagesOf()).filter((line) => line.includes(workspaceId) || line.includes(repositoryName))
    const found = await publisher.find(asked, new Recorder(), never)
    expect(found.present).toBe(false)
    for (let count = 0; count < 2; count++) {
      const built = await publisher.build(asked, new Recorder(), never)
      await publisher.push(asked, built, found.reference, new Recorder(), never)
    }
    expect((await publisher.find(asked, new Recorder(), never)).present).toBe(true)
    expect(await own()).toEqual([expect.stringContaining(`berth/${workspaceId}:`)])
    // As a Berth leaves it that is killed while it pushes.
    const [image = ''] = (await own()).map((line) => line.split(' ')[0])
    await docker('tag', image, found.reference)
    expect((await own()).length).toBe(2)
    await driver.remove(workspaceId, new Recorder(), never)
    expect(await own()).toEqual([])
  })

  it('builds with a Dockerfile from beside its context, and a context below the root', async () => {
    const marker = newId()
    const { driver } = openBuilder()
    const folder = repository({
      'docker/Dockerfile': `FROM ${TEST_IMAGES.alpine}\nLABEL test=${marker}\nCOPY only.txt /only.txt\n`,
      'app/only.txt': 'here',
    })
    const before = await imagesOf()
    const asked = request({ build: build({ dockerfile: 'docker/Dockerfile', context: 'app' }) }, { folder })
    const resolved = await driver.resolveImage(asked, new Recorder(), never)
    expect(await docker('run', '--rm', resolved.reference, 'cat', '/only.txt')).toContain('here')
    await driver.discard(asked.workspaceId, never)
    expect(await imagesOf(resolved.reference)).toEqual([])
    await removeLayers(before, marker)
  })

  it('tells what failed, with the log, and leaves no layer', async () => {
    const { driver } = openBuilder()
    const marker = newId()
    const before = await imagesOf()
    const failing = repository({
      Dockerfile: `FROM ${TEST_IMAGES.alpine}\nRUN echo ${marker} > /one\nRUN echo it broke here; exit 3\n`,
    })
    const report = new Recorder()
    await expect(
      driver.resolveImage(request({ build: build() }, { folder: failing }), report, never),
    ).rejects.toMatchObject({
      problem: { code: 'build-failed', cause: expect.stringContaining('code 3') },
    })
    expect(report.text).toContain('it broke here')
    const noFile = repository({ other: '' })
    expect(
      await codeOf(
        driver.resolveImage(request({ build: build() }, { folder: noFile }), new Recorder(), never),
      ),
    ).toBe('build-failed')
    expect(
      await codeOf(
        driver.resolveImage(
          request({ build: build({ context: '../..' }) }, { folder: failing }),
          new Recorder(),
          never,
        ),
      ),
    ).toBe('build-failed')
    const syntax = repository({ Dockerfile: 'FRUM nothing\n' })
    expect(
      await codeOf(
        driver.resolveImage(request({ build: build() }, { folder: syntax }), new Recorder(), never),
      ),
    ).toBe('build-failed')
    const unreachable = repository({ Dockerfile: `FROM 127.0.0.1:${await freePort()}/none:1\n` })
    expect(
      await codeOf(
        driver.resolveImage(request({ build: build() }, { folder: unreachable }), new Recorder(), never),
      ),
    ).toBe('registry-unreachable')
    expect(await layersOf(before, marker)).toEqual([])
  })

  it('stops building when it is cancelled, and leaves neither layer nor container', async () => {
    const { driver } = openBuilder()
    const marker = newId()
    const before = await imagesOf()
    const folder = repository({
      Dockerfile: `FROM ${TEST_IMAGES.alpine}\nRUN echo ${marker} > /two\nRUN echo long begins; sleep 300\n`,
    })
    const controller = new AbortController()
    const report = new Recorder()
    const output = report.output.bind(report)
    report.output = (text) => {
      output(text)
      if (report.text.includes('long begins\n')) controller.abort()
    }
    expect(
      await codeOf(driver.resolveImage(request({ build: build() }, { folder }), report, controller.signal)),
    ).toBe('cancelled')
    expect(await layersOf(before, marker)).toEqual([])
    await expect
      .poll(() => docker('ps', '-a', '--filter', 'status=running', '--format', '{{.Command}}', '--no-trunc'))
      .not.toContain('long begins')
  })

  /** Images that are new and that a Dockerfile with `marker` made; the engine is not this test's alone. */
  async function layersOf(before: readonly string[], marker: string): Promise<string[]> {
    const found: string[] = []
    for (const line of (await imagesOf()).filter((one) => !before.includes(one))) {
      const id = line.split(' ')[0] ?? ''
      const history = await docker('history', '--no-trunc', '--format', '{{.CreatedBy}}', id).catch(() => '')
      if (history.includes(marker)) found.push(line)
    }
    return found
  }

  /** A successful build leaves cached layers on purpose; the test takes its own away. */
  async function removeLayers(before: readonly string[], marker: string): Promise<void> {
    for (let round = 0; round < 12; round++) {
      const left = await layersOf(before, marker)
      if (left.length === 0) return
      for (const line of left) await docker('rmi', line.split(' ')[0] ?? '').catch(() => undefined)
    }
  }
})

describe('the base image', () => {
  let engine: PrivateDocker
  beforeAll(async () => {
    // An engine that has no image and reaches no registry.
    engine = await startPrivateDocker()
  })
  afterAll(() => engine?.dispose())

  it('is made of Debian packages where no registry is reached; cancelled, it leaves nothing', async () => {
    const { driver } = open({ DOCKER_HOST: engine.host })
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('berth-base-'))
    const before = folders()
    const controller = new AbortController()
    const report = new Recorder()
    const output = report.output.bind(report)
    report.output = (text) => {
      output(text)
      if (/I: (Retrieving|Validating|Resolving)/.test(text)) controller.abort()
    }
    const asked = request({ format: 'default', image: 'debian:bookworm' })
    expect(await codeOf(driver.resolveImage(asked, report, controller.signal))).toBe('cancelled')
    expect(report.text).toContain("made from Debian's packages")
    expect(folders()).toEqual(before)
    expect(await engine.docker('images', '-aq')).toBe('')
  })

  it('is not made for an image that the user asked for', async () => {
    const { driver } = open({ DOCKER_HOST: engine.host })
    const asked = request({ format: 'image', image: 'debian:trixie' })
    expect(await codeOf(driver.resolveImage(asked, new Recorder(), never))).toBe('registry-unreachable')
  })
})

describe('what a killed Berth left of its look into an image', () => {
  it('is removed with what else that Berth was making, and nothing that may be under way', async () => {
    const dead = spawnSync('true').pid
    const made = async (maker: string) => {
      const name = `berth-look-${randomBytes(6).toString('hex')}`
      const labels = ['berth.dev/look=berth', `berth.dev/maker=${maker}`].flatMap((label) => [
        '--label',
        label,
      ])
      await docker('create', '--name', name, ...labels, '--entrypoint', '/none', TEST_IMAGES.debian)
      cleanups.push(async () => {
        await docker('rm', '-f', name).catch(() => undefined)
      })
      return name
    }
    const forgotten = await made(`${dead}::${hostname()}`)
    const here = await made(`${process.pid}::${hostname()}`)
    const elsewhere = await made(`${dead}::somewhere-else`)
    await open().driver.discard(newId(), never)
    const left = await docker('ps', '-a', '--filter', 'label=berth.dev/look', '--format', '{{.Names}}')
    expect(left).not.toContain(forgotten)
    expect(left).toContain(here)
    expect(left).toContain(elsewhere)
  })
})
