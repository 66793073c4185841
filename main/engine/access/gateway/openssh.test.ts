import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Definition } from '#contract'
import { freePort, isPossible, openLocalGateway } from './local-gateway.suite'

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A server that answers what it got once that is over, so that a lost half-close shows. */
async function openEcho(place: number | string = 0): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    const got: Buffer[] = []
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    socket.on('end', () => socket.end(`after ${Buffer.concat(got)}`))
  })
  if (typeof place === 'string') server.listen(place)
  else server.listen(place, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** Connects as soon as somebody listens there. */
async function reach(place: number | string): Promise<Socket> {
  for (;;) {
    const socket = typeof place === 'string' ? connect(place) : connect(place, '127.0.0.1')
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (isThere) return socket.on('error', () => undefined)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function echoed(place: number | string, words: string): Promise<string> {
  const socket = await reach(place)
  socket.end(words)
  return text(socket)
}

describe.skipIf(!isPossible)('the stock SSH client', () => {
  let opened: Awaited<ReturnType<typeof openLocalGateway>>
  let echo: Server
  beforeAll(async () => {
    opened = await openLocalGateway()
    echo = await openEcho()
  })
  // It removes some ten thousand files.
  afterAll(async () => {
    echo?.close()
    await opened?.dispose()
  }, 60_000)

  /** A client that runs until it is ended. */
  function background(args: readonly string[], env: Record<string, string> = {}) {
    const child = opened.start('env', [
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      'ssh',
      '-F',
      opened.config,
      '-o',
      'ExitOnForwardFailure=yes',
      ...args,
    ])
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    const exit = once(child, 'exit')
    return {
      child,
      exit,
      said: () => said,
      async [Symbol.asyncDispose]() {
        child.kill()
        await exit
      },
    }
  }

  it('runs a command with its input, both outputs and its exit code', async () => {
    const ran = await opened.ssh(['demo.berth', 'cat; echo problem >&2; exit 7'], 'in and out')
    expect({ ...ran, stdout: ran.stdout.toString() }).toEqual({
      code: 7,
      signal: null,
      stdout: 'in and out',
      stderr: 'problem\n',
    })
  })

  it('tells that a signal ended a command', async () => {
    const ran = await opened.ssh(['-v', 'demo.berth', 'kill -TERM $$'])
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('rtype exit-signal')
  })

  it('has a shell in a terminal', async () => {
    const ran = await opened.ssh(['-tt', 'demo.berth'], 'tty\nstty -echo\nexit 3\n')
    expect(ran.code).toBe(3)
    expect(ran.stdout.toString()).toMatch(/\/dev\/pts\/\d+/)
  })

  it('is told where there is no terminal', async () => {
    const ran = await opened.ssh(['-T', 'demo.berth', 'tty'])
    expect([ran.code, ran.stdout.toString()]).toEqual([1, 'not a tty\n'])
  })

  it('carries any bytes both ways, new keys in between', async () => {
    const bytes = randomBytes(20_000_000)
    const ran = await opened.ssh(['-v', '-o', 'RekeyLimit=1M', 'demo.berth', 'cat'], bytes)
    expect(digest(ran.stdout)).toBe(digest(bytes))
    expect(ran.stderr.match(/rekeying/g)?.length).toBeGreaterThan(10)
  })

  it('passes on what is sent of the environment', async () => {
    const ran = await opened.ssh(['-o', 'SetEnv=WORD=word', 'demo.berth', 'echo $WORD'])
    expect(ran.stdout.toString()).toBe('word\n')
  })

  it("has the definition's variables, and its own before them", async () => {
    const remoteEnv = { WORD: 'from here', PATH: '${containerEnv:PATH}:/more', GONE: null }
    const [workspace] = opened.workspaces.list()
    const definition = { ...workspace?.definition, remoteEnv } as Definition
    opened.show({ definition })
    const script = 'echo "$WORD"; echo "$PATH"'
    const ran = await opened.ssh(['demo.berth', script])
    expect(ran.stdout.toString()).toBe(`from here\n${process.env.PATH}:/more\n`)
    const own = await opened.ssh(['-o', 'SetEnv=WORD=own', 'demo.berth', 'echo "$WORD"'])
    expect(own.stdout.toString()).toBe('own\n')
    opened.show()
  })

  it('is given a sign of life when it asks for one', async () => {
    const alive = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=30']
    const ran = await opened.ssh(['-vvv', ...alive, 'demo.berth', 'sleep 3; echo there'])
    expect([ran.code, ran.stdout.toString()]).toEqual([0, 'there\n'])
    // SSH_MSG_REQUEST_SUCCESS.
    expect(ran.stderr).toContain('receive packet: type 81')
  })

  it('forwards a port from here (-L)', async () => {
    const port = await freePort()
    await using _ = background(['-N', '-L', `127.0.0.1:${port}:localhost:${portOf(echo)}`, 'demo.berth'])
    expect(await echoed(port, 'one')).toBe('after one')
  })

  it('carries 200 connections at once over one client', async () => {
    const port = await freePort()
    await using _ = background(['-N', '-L', `127.0.0.1:${port}:localhost:${portOf(echo)}`, 'demo.berth'])
    await reach(port).then((socket) => socket.destroy())
    const all = await Promise.all(Array.from({ length: 200 }, (_, number) => echoed(port, `${number}`)))
    expect(all).toEqual(Array.from({ length: 200 }, (_, number) => `after ${number}`))
  })

  it('forwards a port from there (-R), one that is chosen there as well', async () => {
    const given = await freePort()
    const to = `localhost:${portOf(echo)}`
    await using client = background(['-N', '-R', `${given}:${to}`, '-R', `0:${to}`, 'demo.berth'])
    await expect.poll(client.said).toMatch(/Allocated port \d+/)
    const [, chosen] = /Allocated port (\d+)/.exec(client.said()) ?? []
    expect(await echoed(given, 'two')).toBe('after two')
    expect(await echoed(Number(chosen), 'three')).toBe('after three')
  })

  it('is refused a port that is taken', async () => {
    const ran = await opened.ssh([
      ...['-N', '-o', 'ExitOnForwardFailure=yes', '-R', `${portOf(echo)}:localhost:1`],
      'demo.berth',
    ])
    expect(ran.code).toBe(255)
    expect(ran.stderr).toContain('remote port forwarding failed')
  })

  it('is a SOCKS proxy (-D)', async () => {
    const port = await freePort()
    await using _ = background(['-N', '-D', `127.0.0.1:${port}`, 'demo.berth'])
    const socket = await reach(port)
    const target = portOf(echo)
    socket.write(Buffer.from([5, 1, 0]))
    await once(socket, 'data')
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]))
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(reply[1]).toBe(0)
    socket.end('four')
    expect(await text(socket)).toBe('after four')
  })

  it('forwards sockets of files, from here and from there', async () => {
    const [near, far] = [join(opened.folder, 'near.sock'), join(opened.folder, 'far.sock')]
    const target = join(opened.folder, 'echo.sock')
    const server = await openEcho(target)
    await using _ = background(['-N', '-L', `${near}:${target}`, '-R', `${far}:${target}`, 'demo.berth'])
    expect([await echoed(near, 'five'), await echoed(far, 'six')]).toEqual(['after five', 'after six'])
    expect(statSync(far).mode & 0o777).toBe(0o600)
    server.close()
  })

  it("lends its own agent's keys (-A)", async () => {
    const socket = join(opened.folder, 'agent.sock')
    const agent = opened.start('ssh-agent', ['-D', '-a', socket])
    await reach(socket).then((one) => one.destroy())
    const key = join(opened.folder, 'lent')
    await opened.run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lent key', '-f', key])
    const added = await opened.run('env', [`SSH_AUTH_SOCK=${socket}`, 'ssh-add', key])
    expect(added.code).toBe(0)
    const listing = ['ssh', '-F', 'CONFIG', '-A', 'demo.berth', 'ssh-add -l']
    const ran = await opened.run('env', [`SSH_AUTH_SOCK=${socket}`, ...listing])
    expect([ran.code, ran.stdout.toString()]).toEqual([0, expect.stringContaining('lent key')])
    const without = await opened.ssh(['demo.berth', 'echo "$SSH_AUTH_SOCK"'])
    // That of the workspace, behind which the user is asked.
    expect(without.stdout.toString()).toMatch(/\/berth-agent-\d+\/ssh-agent\.sock\n$/)
    agent.kill()
    await once(agent, 'exit')
  })

  it('copies files by sftp, in both of the protocols of scp', async () => {
    const bytes = randomBytes(3_000_000)
    const [from, there, back] = ['from', 'there', 'back'].map((name) => join(opened.folder, name))
    writeFileSync(from as string, bytes)
    const sftp = await opened.run(
      'sftp',
      ['-F', 'CONFIG', '-b', '-', 'demo.berth'],
      `put ${from} ${there}\nchmod 640 ${there}\nls -l ${there}\nget ${there} ${back}\n`,
    )
    expect(sftp.code).toBe(0)
    expect(digest(readFileSync(back as string))).toBe(digest(bytes))
    expect(statSync(there as string).mode & 0o777).toBe(0o640)
    const up = await opened.run('scp', ['-F', 'CONFIG', '-p', from as string, 'demo.berth:new name'])
    expect([up.code, digest(readFileSync(join(opened.home, 'new name')))]).toEqual([0, digest(bytes)])
    const old = await opened.run('scp', ['-O', '-F', 'CONFIG', `demo.berth:${there}`, `${back}-2`])
    expect([old.code, digest(readFileSync(`${back}-2`))]).toEqual([0, digest(bytes)])
    const missing = await opened.run('scp', ['-F', 'CONFIG', 'demo.berth:/no/such', `${back}-3`])
    expect(missing.code).not.toBe(0)
  })

  it('shares one connection (ControlMaster)', async () => {
    const control = join(opened.folder, 'control')
    await using master = background(['-M', '-S', control, '-N', 'demo.berth'])
    await expect.poll(() => existsSync(control)).toBe(true)
    const before = opened.local.started.length
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        opened.ssh(['-S', control, 'demo.berth', `cat; exit ${number}`], `${number}`),
      ),
    )
    expect(many.map(({ code, stdout }) => `${code} ${stdout}`)).toEqual(
      Array.from({ length: 20 }, (_, number) => `${number} ${number}`),
    )
    const port = await freePort()
    const forward = `${port}:localhost:${portOf(echo)}`
    expect((await opened.ssh(['-S', control, '-O', 'forward', '-L', forward, 'demo.berth'])).code).toBe(0)
    expect(await echoed(port, 'seven')).toBe('after seven')
    expect(opened.local.started.length).toBe(before)
    await opened.ssh(['-S', control, '-O', 'exit', 'demo.berth'])
    await master.exit
  })

  it('keeps clients apart: what one forwards ends with it, and not with another', async () => {
    const [first, second] = [await freePort(), await freePort()]
    const to = `localhost:${portOf(echo)}`
    await using staying = background(['-N', '-R', `${first}:${to}`, 'demo.berth'])
    expect(await echoed(first, 'one')).toBe('after one')
    {
      await using _ = background(['-N', '-R', `${second}:${to}`, 'demo.berth'])
      expect(await echoed(second, 'two')).toBe('after two')
    }
    await expect
      .poll(
        () =>
          new Promise((resolve) => {
            connect(second, '127.0.0.1')
              .once('connect', () => resolve('there'))
              .once('error', () => resolve('gone'))
          }),
      )
      .toBe('gone')
    expect(await echoed(first, 'three')).toBe('after three')
    expect(staying.child.exitCode).toBeNull()
  })

  it('clones and pushes with git', async () => {
    const bare = join(opened.home, 'project.git')
    const git = (args: readonly string[]) =>
      opened.run('env', [
        `GIT_SSH_COMMAND=ssh -F ${opened.config}`,
        ...['GIT_AUTHOR_NAME=a', 'GIT_AUTHOR_EMAIL=a@b', 'GIT_COMMITTER_NAME=a', 'GIT_COMMITTER_EMAIL=a@b'],
        'git',
        ...args,
      ])
    await opened.run('git', ['init', '-q', '--bare', bare])
    const clone = join(opened.folder, 'clone')
    const cloned = await git(['clone', `ssh://demo.berth${bare}`, clone])
    expect([cloned.code, cloned.stderr]).toEqual([0, expect.stringContaining('empty repository')])
    writeFileSync(join(clone, 'file'), randomBytes(2_000_000))
    await git(['-C', clone, 'add', '.'])
    await git(['-C', clone, 'commit', '-q', '-m', 'one'])
    expect((await git(['-C', clone, 'push', '-q', 'origin', 'HEAD:main'])).code).toBe(0)
    const again = await git(['clone', '-q', '-b', 'main', 'demo.berth:project.git', `${clone}-2`])
    expect(again.code).toBe(0)
    expect(digest(readFileSync(join(`${clone}-2`, 'file')))).toBe(digest(readFileSync(join(clone, 'file'))))
  })

  it('carries 10,000 files each way with rsync', async () => {
    const from = join(opened.folder, 'many')
    for (let folder = 0; folder < 100; folder++) {
      mkdirSync(join(from, `${folder}`), { recursive: true })
      for (let file = 0; file < 100; file++)
        writeFileSync(join(from, `${folder}`, `${file}`), `content of ${folder} and ${file}\n`)
    }
    const rsync = (source: string, target: string) =>
      opened.run('rsync', ['-a', '--stats', '-e', 'ssh -F CONFIG', source, target])
    const up = await rsync(`${from}/`, 'demo.berth:there/')
    expect([up.code, up.stdout.toString()]).toEqual([
      0,
      expect.stringContaining('regular files transferred: 10,000'),
    ])
    const down = await rsync('demo.berth:there/', `${from}-back/`)
    expect([down.code, down.stdout.toString()]).toEqual([
      0,
      expect.stringContaining('regular files transferred: 10,000'),
    ])
    const same = await opened.run('diff', ['-r', from, `${from}-back`])
    expect(same.code).toBe(0)
  }, 120_000)
})
