import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Definition } from '#contract'
import type { HeldGrants } from '../../main/engine/drivers/driver'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { freePort, startRegistry } from '../harness/registry'
import { openDocker } from './docker-harness'
import { definitionOf, makeWorkspace, never, newId, Recorder } from './harness'

const docker = (...args: string[]) => command('docker', args)
const cleanups: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function open(env: Record<string, string> = {}) {
  const one = openDocker(env)
  cleanups.push(() => one.dispose())
  return one
}

function repository(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-buildkit-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

const from = (...lines: string[]) => [`FROM ${TEST_IMAGES.alpine}`, ...lines, ''].join('\n')

interface Asked {
  readonly build?: Partial<NonNullable<Definition['build']>>
  readonly grants?: HeldGrants
  readonly workspaceId?: string
  readonly anew?: boolean
}

/** Builds, and takes the image away with the test. */
async function build(driver: ReturnType<typeof openDocker>['driver'], folder: string, asked: Asked = {}) {
  const workspaceId = asked.workspaceId ?? newId()
  cleanups.push(() => driver.remove(workspaceId, new Recorder(), never))
  const report = new Recorder()
  const result = driver.resolveImage(
    {
      definition: definitionOf({
        build: { dockerfile: 'Dockerfile', context: '.', args: {}, ...asked.build },
      }),
      folder,
      workspaceId,
      refresh: false,
      ...(asked.grants && { grants: asked.grants }),
      ...(asked.anew && { anew: true }),
    },
    report,
    never,
  )
  // Whoever expects a failure looks at both.
  result.catch(() => undefined)
  return { report, workspaceId, result }
}

const inImage = (reference: string, ...words: string[]) => docker('run', '--rm', reference, ...words)

describe('what only BuildKit knows', () => {
  it('has caches that outlive a build, files mounted from the context, and modes of what is copied', async () => {
    const { driver } = open()
    const marker = newId()
    const folder = repository({
      Dockerfile: from(
        'ARG ROUND',
        `RUN --mount=type=cache,id=${marker},target=/cache echo "$ROUND" >> /cache/rounds && cp /cache/rounds /rounds`,
        'RUN --mount=type=bind,source=note.txt,target=/note cat /note > /copied',
        'COPY --chmod=640 note.txt /note.txt',
      ),
      'note.txt': 'a note\n',
    })
    await (await build(driver, folder, { build: { args: { ROUND: 'one' } } })).result
    const second = await build(driver, folder, { build: { args: { ROUND: 'two' } } })
    const { reference } = await second.result
    expect(await inImage(reference, 'sh', '-c', 'cat /rounds /copied; stat -c %a /note.txt')).toBe(
      'one\ntwo\na note\n640\n',
    )
    expect(second.report.text).toMatch(/^#\d+ CACHED$/m)
    expect(second.report.progresses.at(-1)).toMatchObject({ unit: 'count' })
    const last = second.report.progresses.at(-1)
    expect(last?.current).toBe(last?.total)
  })

  it('leaves out what the ignore file of the Dockerfile says, and not that of the context', async () => {
    const { driver } = open()
    const folder = repository({
      'docker/dev.Dockerfile': from('COPY . /all'),
      'docker/dev.Dockerfile.dockerignore': 'secret.txt\ndocker\n',
      '.dockerignore': 'kept.txt\n',
      'kept.txt': '',
      'secret.txt': '',
    })
    const { result } = await build(driver, folder, { build: { dockerfile: 'docker/dev.Dockerfile' } })
    const listing = await inImage((await result).reference, 'find', '/all', '-type', 'f')
    expect(listing).toContain('/all/kept.txt')
    expect(listing).not.toContain('secret.txt')
  })

  it('builds of a text, with labels, hosts and no network', async () => {
    const { driver } = open()
    const folder = repository({ 'a.txt': 'a' })
    const { result } = await build(driver, folder, {
      build: {
        inline: from('COPY a.txt /a.txt', 'RUN cat /etc/hosts > /hosts; ls /sys/class/net > /net'),
        labels: { team: 'blue' },
        extraHosts: ['other.test:192.0.2.7'],
        network: 'none',
      },
    })
    const { reference } = await result
    const seen = await inImage(reference, 'sh', '-c', 'cat /a.txt /hosts; echo "[$(cat /net)]"')
    expect(seen).toContain('192.0.2.7')
    expect(seen).toMatch(/\[lo\]/)
    expect(await docker('inspect', '--format', '{{.Config.Labels.team}}', reference)).toContain('blue')
  })

  it('asks for the network of the machine only where that is allowed', async () => {
    const { driver } = open()
    const folder = repository({ Dockerfile: from('ARG SALT', 'RUN ls /sys/class/net > /net') })
    const asked = { network: 'host' as const, args: { SALT: newId() } }
    const refused = await build(driver, folder, { build: asked })
    const without = await inImage((await refused.result).reference, 'cat', '/net')
    expect(refused.report.text).toContain('--build-host-network')
    expect(without).not.toContain('docker0')
  })

  it('uses the engine’s own reader where the one that a Dockerfile names cannot be pulled, and says so', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    const { driver } = open()
    const folder = repository({ Dockerfile: `# syntax=${dead}/reader:1\n${from('RUN echo read > /read')}` })
    const { report, result } = await build(driver, folder)
    expect(await inImage((await result).reference, 'cat', '/read')).toBe('read\n')
    expect(report.text).toContain(
      `${dead}/reader:1, which the Dockerfile names to be read by, cannot be pulled`,
    )
  })

  it('gets the image that a Dockerfile is read by as an alias says', async () => {
    const dead = `127.0.0.1:${await freePort()}`
    const { driver, platform } = open()
    await platform.settings.change({ imageAliases: { 'docker/dockerfile': `${dead}/mirrored` } })
    const folder = repository({ Dockerfile: `# syntax=docker/dockerfile:1\n${from('RUN true')}` })
    const { report, result } = await build(driver, folder)
    await result
    expect(report.text).toContain(`docker/dockerfile:1 is got as ${dead}/mirrored:1`)
    expect(report.text).toContain(`${dead}/mirrored:1, which the Dockerfile names`)
  })

  it('says of what is newer than the engine what to do, and of the classic builder that it cannot', async () => {
    const linked = repository({ Dockerfile: from('COPY --link a.txt /a.txt'), 'a.txt': 'a' })
    const { driver } = open()
    const { result } = await build(driver, linked)
    // An engine that is new enough builds it.
    const outcome = await result.then(
      () => 'built',
      (error: { problem: { remedy: string } }) => error.problem.remedy,
    )
    expect(['built', expect.stringContaining('# syntax=docker/dockerfile:1')]).toContainEqual(outcome)
    const mounted = repository({ Dockerfile: from('RUN --mount=type=cache,target=/x true') })
    const classic = await build(open({ DOCKER_BUILDKIT: '0' }).driver, mounted)
    await expect(classic.result).rejects.toMatchObject({
      problem: {
        code: 'build-failed',
        cause: expect.stringContaining('classic builder'),
        remedy: expect.stringContaining('BuildKit'),
      },
    })
  })
})

describe('a build that fails', () => {
  it('names instruction, line, exit code and the last lines', async () => {
    const { driver } = open()
    const folder = repository({
      'ci/Dockerfile': `# a comment\n\n${from('RUN true', 'RUN echo first && \\', '  echo it broke here && exit 7')}`,
    })
    const { report, result, workspaceId } = await build(driver, folder, {
      build: { dockerfile: 'ci/Dockerfile' },
    })
    await expect(result).rejects.toMatchObject({
      problem: {
        code: 'build-failed',
        cause: expect.stringMatching(/"RUN echo first.*\(ci\/Dockerfile, line 5\) ended with code 7\./),
        detail: expect.stringContaining('it broke here'),
      },
    })
    expect(report.text).toMatch(/^#\d+ it broke here$/m)
    expect(report.text).toMatch(/^#\d+ ERROR: /m)
    expect(await docker('images', '-q', '--filter', `reference=berth/${workspaceId}`)).toBe('')
  })

  it('ends on the engine when it is cancelled, and leaves no image', async () => {
    const { driver } = open()
    const marker = `berth-sleep-${newId()}`
    const folder = repository({ Dockerfile: from(`RUN echo ${marker}; exec sleep 301`) })
    const workspaceId = newId()
    const controller = new AbortController()
    const report = new Recorder()
    const output = report.output.bind(report)
    report.output = (text) => {
      output(text)
      if (/^#\d+ berth-sleep/m.test(report.text)) controller.abort()
    }
    await expect(
      driver.resolveImage(
        {
          definition: definitionOf({ build: { dockerfile: 'Dockerfile', context: '.', args: {} } }),
          folder,
          workspaceId,
          refresh: false,
        },
        report,
        controller.signal,
      ),
    ).rejects.toMatchObject({ problem: { code: 'cancelled' } })
    await expect
      .poll(async () => (await tryCommand('ps', ['-eo', 'args'])).stdout.includes('sleep 301'))
      .toBe(false)
    expect(await docker('images', '-q', '--filter', `reference=berth/${workspaceId}`)).toBe('')
  })
})

describe('what a build gets of this machine', () => {
  /** What a secret was is no part of BuildKit's cache: each test has steps of its own. */
  const salt = () => `ENV SALT=${newId()}`
  const showing = (id: string) =>
    from(
      salt(),
      `RUN --mount=type=secret,id=${id} wc -c < /run/secrets/${id} > /size && cp /run/secrets/${id} /dev/shm/`,
    )

  it('has secrets of the repository, and of the machine where they are allowed, and keeps none', async () => {
    const value = `value-${newId()}-${newId()}`
    const { driver } = open({ MY_TOKEN: value })
    const folder = repository({
      Dockerfile: from(
        salt(),
        'RUN --mount=type=secret,id=own cat /run/secrets/own > /own',
        'RUN --mount=type=secret,id=token,required test "$(wc -c < /run/secrets/token)" -gt 20 && echo got it > /got',
      ),
      'secrets/own.txt': 'in the repository',
    })
    const wanted = {
      secrets: [
        { id: 'own', file: 'secrets/own.txt' },
        { id: 'token', env: 'MY_TOKEN' },
      ],
    }
    const refused = await build(driver, folder, { build: wanted })
    await expect(refused.result).rejects.toMatchObject({
      problem: { code: 'build-failed', remedy: expect.stringContaining('--build-secret id=token') },
    })
    expect(refused.report.text).toContain('asks for the secret "token"')
    const given = await build(driver, folder, { build: wanted, grants: { secrets: [{ id: 'token' }] } })
    const { reference } = await given.result
    expect(await inImage(reference, 'cat', '/own', '/got')).toBe('in the repositorygot it\n')
    expect(given.report.text).toContain('The build gets the secret "token", the variable MY_TOKEN.')
    expect(given.report.text).not.toContain(value)
    expect(await docker('history', '--no-trunc', reference)).not.toContain(value)
    expect(await docker('inspect', reference)).not.toContain(value)
    const saved = await tryCommand('sh', ['-c', `docker save "${reference}" | grep -c "${value}"`])
    expect(saved.stdout.trim()).toBe('0')
  })

  it('reads a file that the user names, and none that leads out of the repository', async () => {
    const { driver, home } = open()
    writeFileSync(join(home, 'key'), '12345')
    const folder = repository({ Dockerfile: showing('key') })
    symlinkSync(join(home, 'key'), join(folder, 'inside'))
    const led = await build(driver, folder, { build: { secrets: [{ id: 'key', file: 'inside' }] } })
    await expect(led.result).rejects.toMatchObject({ problem: { code: 'build-failed' } })
    const named = await build(driver, folder, {
      grants: { secrets: [{ id: 'key', file: join(home, 'key') }] },
    })
    expect(await inImage((await named.result).reference, 'cat', '/size')).toBe('5\n')
  })

  it('reads a value that was handed over, which is nowhere afterwards', async () => {
    const { driver } = open()
    const value = `handed over ${newId()}`
    const folder = repository({ Dockerfile: showing('typed') })
    const given = await build(driver, folder, {
      grants: { secrets: [{ id: 'typed' }], values: new Map([['typed', value]]) },
    })
    const { reference } = await given.result
    expect(await inImage(reference, 'cat', '/size')).toBe(`${value.length}\n`)
    expect(given.report.text).toContain('The build gets the secret "typed", as you gave it.')
    expect(given.report.text).not.toContain(value)
    expect(await docker('inspect', reference)).not.toContain(value)
  })

  it('asks the user’s SSH agent where that is allowed, and nothing but to list and to sign', async () => {
    const socket = join(mkdtempSync(join(tmpdir(), 'berth-agent-')), 'agent.sock')
    const agent: ChildProcess = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
    cleanups.push(() => {
      agent.kill()
      rmSync(dirname(socket), { recursive: true, force: true })
    })
    await expect.poll(() => existsSync(socket)).toBe(true)
    const key = join(dirname(socket), 'key')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'of-the-test', '-f', key])
    execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } })
    const { driver } = open({ SSH_AUTH_SOCK: socket })
    const folder = repository({
      Dockerfile: `FROM ${TEST_IMAGES.debian}\nARG SALT\nRUN --mount=type=ssh ssh-add -l > /keys && (ssh-add -D; true) && ssh-add -l >> /keys\n`,
    })
    const asked = { ssh: ['default'], args: { SALT: newId() } }
    const refused = await build(driver, folder, { build: asked })
    await expect(refused.result).rejects.toMatchObject({
      problem: { code: 'build-failed', remedy: expect.stringContaining('--build-ssh') },
    })
    const allowed = await build(driver, folder, { build: asked, grants: { ssh: true } })
    const keys = await inImage((await allowed.result).reference, 'cat', '/keys')
    expect(keys.match(/of-the-test/g)).toHaveLength(2)
    expect(allowed.report.text).toContain('The build may use your SSH agent.')
    const left = execFileSync('ssh-add', ['-l'], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    }).toString()
    expect(left).toContain('of-the-test')
  })

  it('logs in to a registry for a base image as the user has', async () => {
    const registry = await startRegistry({ password: true })
    cleanups.push(() => registry.dispose())
    const name = `secret/base-${newId()}:1`
    const image = await registry.push(TEST_IMAGES.alpine, name)
    const folder = repository({ Dockerfile: `FROM ${image}\nRUN echo ${name} > /name\n` })
    const refused = await build(open().driver, folder)
    await expect(refused.result).rejects.toMatchObject({ problem: { code: /registry-auth|image-not-found/ } })
    const one = open()
    const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
    mkdirSync(join(one.home, '.docker'), { recursive: true })
    writeFileSync(
      join(one.home, '.docker', 'config.json'),
      JSON.stringify({ auths: { [registry.address]: { auth } } }),
    )
    const { result } = await build(one.driver, folder)
    expect(await inImage((await result).reference, 'cat', '/name')).toBe(`${name}\n`)
  })
})

describe('an image that was built of the same before', () => {
  it('is taken by the next workspace, stays with it, and goes with the last one', async () => {
    const { driver } = open()
    const files = { Dockerfile: from('ARG SALT', 'COPY a.txt /a.txt'), 'a.txt': newId() }
    const asked = { build: { args: { SALT: newId() } } }
    const first = await build(driver, repository(files), asked)
    const image = await first.result
    await makeWorkspace(driver, image.reference, {
      id: first.workspaceId,
      name: `one-${first.workspaceId}`,
      spec: { image },
    })
    const second = await build(driver, repository(files), asked)
    const again = await second.result
    expect(again.id).toBe(image.id)
    expect(again.reused).toContain(`one-${first.workspaceId}`)
    expect(second.report.text).not.toMatch(/^#\d/m)
    const rebuilt = await build(driver, repository(files), {
      ...asked,
      workspaceId: second.workspaceId,
      anew: true,
    })
    expect((await rebuilt.result).reused).toBeUndefined()
    expect(rebuilt.report.text).toMatch(/CACHED/)
    const other = await build(driver, repository({ ...files, 'a.txt': 'changed' }), asked)
    expect((await other.result).id).not.toBe(image.id)

    await driver.remove(first.workspaceId, new Recorder(), never)
    expect(await inImage(again.reference, 'cat', '/a.txt')).toBe(files['a.txt'])
    await driver.remove(second.workspaceId, new Recorder(), never)
    expect((await tryCommand('docker', ['inspect', image.id])).code).not.toBe(0)
  })
})
