import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { command } from '../harness/command'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { TEST_IMAGES } from '../harness/images'
import { freePort } from '../harness/registry'
import { openDocker } from './docker-harness'
import { makeWorkspace, never, Recorder, run, sh, Watcher } from './harness'

const ENGINE = '/var/run/docker.sock'
const folder = mkdtempSync(join(tmpdir(), 'berth-connections-'))
const cleanups: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function open(env: Record<string, string | undefined>, name?: string) {
  const opened = openDocker(env, name)
  cleanups.push(opened.dispose)
  return opened.driver
}

const probeCode = (driver: { probe(signal: AbortSignal): Promise<unknown> }) =>
  driver.probe(never).then(
    () => 'reached',
    (error: { problem?: { code: string } }) => error.problem?.code ?? String(error),
  )

/** Makes a workspace, moves bytes through it and removes it. */
async function workThrough(driver: ReturnType<typeof open>): Promise<void> {
  const { id } = await makeWorkspace(driver, TEST_IMAGES.alpine)
  try {
    // Half-close has to reach the process, and its output has to come back after that.
    const counted = await run(driver, id, sh('wc -c; sleep 0.2; echo after'), { input: 'x'.repeat(300_000) })
    expect(counted).toEqual({ code: 0, stdout: '300000\nafter\n', stderr: '' })
    const process = await driver.exec(id, { command: sh('head -c 20000000 /dev/zero | cat') }, never)
    process.stdin.end()
    let size = 0
    for await (const chunk of process.stdout) size += chunk.length
    expect(size).toBe(20_000_000)
    const logs = await driver.logs(id, { follow: false }, never)
    logs.stdout.resume()
    logs.stderr.resume()
    expect(await logs.end).toEqual({})
  } finally {
    await driver.remove(id, new Recorder(), never)
  }
}

/** An engine between, that answers `first` to what it says so of, and passes the rest on. */
async function between(first: (request: IncomingMessage) => string | undefined): Promise<string> {
  const path = join(folder, `between-${Math.random().toString(36).slice(2)}.sock`)
  const server = createHttpServer((request, response) => {
    const message = first(request)
    if (message !== undefined) {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ message }))
      return
    }
    const { headers, method, url: target } = request
    const passed = httpRequest({ socketPath: ENGINE, method, path: target, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  })
  server.listen(path)
  await once(server, 'listening')
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `unix://${path}`
}

describe('a container in whose files something is still at work', () => {
  it('is removed when that has ended', async () => {
    let refusals = 0
    const host = await between(({ method, url: target = '' }) => {
      if (method !== 'DELETE' || !target.includes('/containers/') || refusals === 2) return undefined
      refusals += 1
      return 'container 26e8: driver "overlay2" failed to remove root filesystem: unlinkat /var/lib/docker/overlay2/ac42/merged: directory not empty'
    })
    const driver = open({ DOCKER_HOST: host })
    const { id } = await makeWorkspace(driver, TEST_IMAGES.alpine)
    await driver.remove(id, new Recorder(), never)
    expect(refusals).toBe(2)
    const left = await command('docker', [
      'ps',
      '--all',
      '--quiet',
      '--filter',
      `label=berth.dev/workspace=${id}`,
    ])
    expect(left).toBe('')
  })
})

describe('engines that cannot be used', () => {
  it('says that there is no socket, and how to start the engine', async () => {
    const driver = open({ DOCKER_HOST: `unix://${folder}/none.sock` })
    await expect(driver.probe(never)).rejects.toMatchObject({
      problem: {
        code: 'target-unreachable',
        cause: expect.stringContaining('no socket'),
        remedy: expect.stringContaining('Docker'),
      },
    })
  })

  it('says that nothing listens, over tcp', async () => {
    const port = await freePort()
    expect(await probeCode(open({ DOCKER_HOST: `tcp://127.0.0.1:${port}` }))).toBe('target-unreachable')
  })

  it('says that a host name is not known', async () => {
    expect(await probeCode(open({ DOCKER_HOST: 'tcp://no-such-host.invalid:2375' }))).toBe(
      'target-unreachable',
    )
  })

  const answering = async (handler: Parameters<typeof createHttpServer>[1]): Promise<string> => {
    const path = join(folder, `fake-${Math.random().toString(36).slice(2)}.sock`)
    const server: HttpServer = createHttpServer(handler)
    server.listen(path)
    await once(server, 'listening')
    cleanups.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return `unix://${path}`
  }

  it('refuses an engine that is too old, and one that is too new', async () => {
    const version = (ApiVersion: string, MinAPIVersion: string) =>
      answering((_request, response) => {
        response.end(JSON.stringify({ Version: 'x', ApiVersion, MinAPIVersion, Os: 'linux', Arch: 'amd64' }))
      })
    expect(await probeCode(open({ DOCKER_HOST: await version('1.39', '1.12') }))).toBe('target-too-old')
    expect(await probeCode(open({ DOCKER_HOST: await version('1.90', '1.80') }))).toBe('unsupported')
    expect(await probeCode(open({ DOCKER_HOST: await version('1.90', '1.44') }))).toBe('reached')
  })

  it('says that access is refused', async () => {
    const host = await answering((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' })
      response.end('{"message":"authorization denied by plugin"}')
    })
    expect(await probeCode(open({ DOCKER_HOST: host }))).toBe('target-forbidden')
  })

  it('notices what is no Docker engine', async () => {
    expect(
      await probeCode(open({ DOCKER_HOST: await answering((_request, response) => response.end('<html>')) })),
    ).not.toBe('reached')
    const server: Server = createServer((socket: Socket) => {
      socket.on('error', () => undefined)
      socket.end('SSH-2.0-OpenSSH\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => void server.close())
    const { port } = server.address() as { port: number }
    expect(await probeCode(open({ DOCKER_HOST: `tcp://127.0.0.1:${port}` }))).not.toBe('reached')
  })

  it('gives up on an engine that takes the connection and says nothing, when told to', async () => {
    const host = await answering(() => undefined)
    const driver = open({ DOCKER_HOST: host })
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 200)
    await expect(driver.probe(controller.signal)).rejects.toMatchObject({ problem: { code: 'cancelled' } })
  })
})

describe('TLS', () => {
  const certificates = join(folder, 'tls')
  let port: number
  let server: Server

  beforeAll(async () => {
    mkdirSync(certificates)
    const openssl = (...args: string[]) => command('openssl', args, { cwd: certificates })
    const subject = (name: string) => ['-subj', `/CN=${name}`]
    for (const authority of ['ca', 'other-ca']) {
      await openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        `${authority}-key.pem`,
        '-out',
        `${authority}.pem`,
        ...subject(authority),
      )
    }
    writeFileSync(join(certificates, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost')
    for (const name of ['server', 'client']) {
      await openssl(
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        `${name}-key.pem`,
        '-out',
        `${name}.csr`,
        ...subject(name),
      )
      await openssl(
        'x509',
        '-req',
        '-days',
        '2',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca-key.pem',
        '-CAcreateserial',
        '-extfile',
        'names',
        '-out',
        `${name}.pem`,
      )
    }
    const read = (name: string) => readFileSync(join(certificates, name))
    // The engine's own socket behind a TLS end that wants a certificate, as dockerd --tlsverify is.
    server = createTlsServer(
      {
        key: read('server-key.pem'),
        cert: read('server.pem'),
        ca: read('ca.pem'),
        requestCert: true,
        rejectUnauthorized: true,
        allowHalfOpen: true,
      },
      (client) => {
        const engine = connect({ path: ENGINE, allowHalfOpen: true })
        client.on('error', () => engine.destroy())
        engine.on('error', () => client.destroy())
        client.pipe(engine).pipe(client)
      },
    )
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as { port: number }).port
  })
  afterAll(() => void server?.close())

  const credentials = (name: string, ca: string, cert?: string) => {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'ca.pem'), readFileSync(join(certificates, ca)))
    if (cert) {
      writeFileSync(join(path, 'cert.pem'), readFileSync(join(certificates, `${cert}.pem`)))
      writeFileSync(join(path, 'key.pem'), readFileSync(join(certificates, `${cert}-key.pem`)))
    }
    return path
  }

  it('works with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, half-close included', async () => {
    const driver = open({
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: credentials('good', 'ca.pem', 'client'),
    })
    expect((await driver.probe(never)).capabilities.bindMounts).toBe(false)
    await workThrough(driver)
  })

  it.each([
    ['of an unknown authority', 'other-ca.pem', 'client'],
    ['that wants one from us', 'ca.pem', undefined],
  ])('says what is wrong with a certificate %s', async (name, ca, cert) => {
    const driver = open({
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: credentials(`bad ${name}`, ca, cert),
    })
    expect(await probeCode(driver)).toBe('tls-failed')
  })

  it('says so when an engine wants TLS and is spoken to without', async () => {
    expect(await probeCode(open({ DOCKER_HOST: `tcp://127.0.0.1:${port}` }))).not.toBe('reached')
  })
})

describe('ssh', () => {
  const home = join(folder, 'ssh')
  let port: number
  let daemon: ChildProcess

  beforeAll(async () => {
    mkdirSync(home, { mode: 0o700 })
    port = await freePort()
    for (const key of ['host', 'user', 'stranger']) {
      await command('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, key)])
    }
    writeFileSync(join(home, 'authorized'), readFileSync(join(home, 'user.pub')))
    const hostKey = readFileSync(join(home, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
    const strangerKey = readFileSync(join(home, 'stranger.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
    writeFileSync(join(home, 'known'), `[127.0.0.1]:${port} ${hostKey}\n`)
    writeFileSync(join(home, 'known-empty'), '')
    writeFileSync(join(home, 'known-changed'), `[127.0.0.1]:${port} ${strangerKey}\n`)
    writeFileSync(
      join(home, 'sshd_config'),
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(home, 'host')}`,
        `AuthorizedKeysFile ${join(home, 'authorized')}`,
        `PidFile ${join(home, 'pid')}`,
        'UsePAM no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PermitRootLogin yes',
        'StrictModes no',
        'MaxStartups 100',
        'MaxSessions 100',
        `SetEnv PATH=${process.env.PATH}`,
      ].join('\n'),
    )
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(home, 'sshd_config')], { stdio: 'ignore' })
    await vi.waitFor(() => expect(existsSync(join(home, 'pid'))).toBe(true))
  })
  afterAll(async () => {
    if (daemon?.exitCode === null) {
      daemon.kill()
      await once(daemon, 'exit')
    }
  })

  /** An ssh command that takes its configuration from the test and not from this machine's user. */
  const sshBin = (name: string, known: string, key: string) => {
    const bin = join(home, `bin-${name}`)
    mkdirSync(bin)
    const config = join(bin, 'config')
    writeFileSync(
      config,
      [
        `UserKnownHostsFile ${join(home, known)}`,
        'GlobalKnownHostsFile /dev/null',
        `IdentityFile ${join(home, key)}`,
        'IdentitiesOnly yes',
        'Host engine-alias',
        '  HostName 127.0.0.1',
        `  Port ${port}`,
        '  User root',
        `  HostKeyAlias [127.0.0.1]:${port}`,
      ].join('\n'),
    )
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${config} "$@"\n`, { mode: 0o755 })
    return { PATH: `${bin}:${process.env.PATH}`, DOCKER_HOST: `ssh://root@127.0.0.1:${port}` }
  }
  const masters = () => readdirSync(tmpdir()).filter((name) => name.startsWith('berth-ssh-'))

  it('works, and leaves neither process nor folder', async () => {
    const before = masters()
    const opened = openDocker(sshBin('good', 'known', 'user'))
    try {
      expect((await opened.driver.probe(never)).capabilities.bindMounts).toBe(false)
      await workThrough(opened.driver)
      const watcher = new Watcher(opened.driver)
      await watcher.until(() => watcher.events.length > 0, 'a snapshot')
      await watcher.stop()
    } finally {
      await opened.dispose()
    }
    expect(masters()).toEqual(before)
    // Told to end, a process of ssh takes a moment.
    const left = () =>
      command('sh', ['-c', `ps -eo args | grep -F "${join(home, 'bin-good')}" | grep -v grep || true`])
    await expect.poll(left).toBe('')
  })

  it('goes by ~/.ssh/config: an alias with user and port', async () => {
    const env = { ...sshBin('alias', 'known', 'user'), DOCKER_HOST: 'ssh://engine-alias' }
    expect(await probeCode(open(env))).toBe('reached')
  })

  it('does not trust a host that it does not know, nor one whose key changed', async () => {
    expect(await probeCode(open(sshBin('unknown', 'known-empty', 'user')))).toBe('ssh-host-key')
    const changed = open(sshBin('changed', 'known-changed', 'user'))
    await expect(changed.probe(never)).rejects.toMatchObject({
      problem: { code: 'ssh-host-key', cause: expect.stringContaining('another key') },
    })
  })

  it('says that the host accepts no key, with ssh’s own words', async () => {
    await expect(open(sshBin('stranger', 'known', 'stranger')).probe(never)).rejects.toMatchObject({
      problem: { code: 'ssh-failed', detail: expect.stringMatching(/permission denied/i) },
    })
  })

  it('says that the host is not there', async () => {
    const env = {
      ...sshBin('down', 'known', 'user'),
      DOCKER_HOST: `ssh://root@127.0.0.1:${await freePort()}`,
    }
    expect(await probeCode(open(env))).toBe('ssh-failed')
  })
})

describe('an engine that goes and comes back', () => {
  let engine: PrivateDocker
  beforeAll(async () => {
    engine = await startPrivateDocker()
    await engine.loadImage(TEST_IMAGES.alpine)
  })
  afterAll(() => engine?.dispose())

  it('is told once as unreachable, and heals by itself with a snapshot', async () => {
    const driver = open({ DOCKER_HOST: engine.host })
    const watcher = new Watcher(driver)
    await watcher.until(() => watcher.events.length > 0, 'a snapshot')
    const { id } = await makeWorkspace(driver, TEST_IMAGES.alpine)
    await watcher.until(() => watcher.workspaces.get(id)?.run === 'running', 'running')
    const process = await driver.exec(id, { command: ['sleep', '100'] }, never)
    process.stdout.resume()
    process.stderr?.resume()
    const logs = await driver.logs(id, { follow: true }, never)
    logs.stdout.resume()
    logs.stderr.resume()

    await engine.kill()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'connection-lost' } })
    expect(await logs.end).toMatchObject({ problem: { code: 'connection-lost' } })
    await watcher.until(() => watcher.events.at(-1)?.type === 'unreachable', 'unreachable')
    await expect(driver.exec(id, { command: ['true'] }, never)).rejects.toMatchObject({
      problem: { code: expect.stringMatching(/^(target-unreachable|connection-lost)$/) },
    })
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const unreachable = watcher.events.filter((event) => event.type === 'unreachable')
    expect(unreachable).toHaveLength(1)
    expect(unreachable[0]).toMatchObject({ problem: { code: 'target-unreachable' } })

    await engine.start()
    await watcher.until(() => watcher.events.at(-1)?.type !== 'unreachable', 'a snapshot again')
    const state = watcher.workspaces.get(id)?.run
    expect(['running', 'stopped', 'failed']).toContain(state)
    await driver.start(id, new Recorder(), never)
    expect((await run(driver, id, sh('echo back'))).stdout).toBe('back\n')
    await driver.remove(id, new Recorder(), never)
    await watcher.stop()
  })

  it('is found out when it freezes without closing a connection', async () => {
    const driver = open({ DOCKER_HOST: engine.host })
    const watcher = new Watcher(driver)
    await watcher.until(() => watcher.events.length > 0, 'a snapshot')
    engine.freeze()
    try {
      await watcher.until(() => watcher.events.at(-1)?.type === 'unreachable', 'unreachable')
    } finally {
      engine.thaw()
    }
    await watcher.until(() => watcher.events.at(-1)?.type === 'snapshot', 'a snapshot')
    await watcher.stop()
  })
})
