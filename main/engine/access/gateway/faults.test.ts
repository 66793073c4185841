import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProblemError } from '#contract'
import type { Clock } from '../../platform/clock'
import { freePort, isPossible, openLocalGateway } from './local-gateway.suite'

/** Time that passes this many times as fast. The ten seconds that an answer may take must do for a busy machine. */
const HASTE = 5
const hasty: Clock = {
  now: () => performance.now() * HASTE,
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, milliseconds / HASTE)
      signal?.addEventListener('abort', onAbort)
    }),
}
const never = new AbortController().signal

describe.skipIf(!isPossible)('an SSH client whose way breaks', () => {
  let opened: Awaited<ReturnType<typeof openLocalGateway>>
  afterEach(() => opened.dispose())

  const client = (...args: string[]) => opened.start('ssh', ['-F', opened.config, ...args])
  async function endOf(child: ReturnType<typeof client>) {
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.stdin.on('error', () => undefined)
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, stderr }
  }

  it('ends with an error in the middle of what it reads', async () => {
    opened = await openLocalGateway()
    const child = client('demo.berth', 'cat /dev/zero')
    await once(child.stdout, 'data')
    child.stdout.resume()
    const end = endOf(child)
    opened.local.cut()
    expect(await end).toEqual({
      code: 255,
      stderr: expect.stringContaining('the connection to the workspace was lost'),
    })
  })

  it('ends with an error in the middle of what it writes, and nothing takes that for the end', async () => {
    opened = await openLocalGateway()
    const file = join(opened.folder, 'whole')
    const child = client('demo.berth', `echo begun; cat > ${file}.part && mv ${file}.part ${file}`)
    await once(child.stdout, 'data')
    child.stdin.write(Buffer.alloc(1_000_000))
    const end = endOf(child)
    await expect.poll(() => readFileSync(`${file}.part`).length).toBe(1_000_000)
    opened.local.cut()
    expect((await end).code).toBe(255)
    expect(() => readFileSync(file)).toThrow()
  })

  it('ends when the workspace is silent, and does not wait for ever', async () => {
    opened = await openLocalGateway({ clock: hasty })
    const child = client('-o', 'ServerAliveInterval=0', 'demo.berth', 'echo there; cat')
    await once(child.stdout, 'data')
    const end = endOf(child)
    opened.local.freeze()
    expect(await end).toEqual({
      code: 255,
      stderr: expect.stringContaining('the workspace does not answer any more'),
    })
  })

  it('stays while it is silent itself, however long', async () => {
    opened = await openLocalGateway({ clock: hasty })
    const child = client('-o', 'ServerAliveInterval=0', 'demo.berth', 'echo there; cat')
    await once(child.stdout, 'data')
    // A minute by the gateway's clock: it asks, and is answered.
    await hasty.sleep(60_000)
    child.stdin.end('still there')
    const [last] = (await once(child.stdout, 'data')) as [Buffer]
    expect([last.toString(), (await once(child, 'close'))[0]]).toEqual(['still there', 0])
  })

  it('that is stopped holds up what is sent to it, and memory is not filled', async () => {
    opened = await openLocalGateway()
    const endless = createServer((socket) => {
      socket.on('error', () => undefined)
      const send = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      }
      socket.on('drain', send)
      send()
    })
    endless.listen(0, '127.0.0.1')
    await once(endless, 'listening')
    const port = await freePort()
    const child = client(
      '-N',
      '-L',
      `127.0.0.1:${port}:127.0.0.1:${(endless.address() as AddressInfo).port}`,
      'demo.berth',
    )
    const readers: Socket[] = []
    while (readers.length < 64) {
      const socket = connect(port, '127.0.0.1')
      const isThere = await new Promise((resolve) => {
        socket.once('connect', () => resolve(true))
        socket.once('error', () => resolve(false))
      })
      if (!isThere) continue
      socket.on('error', () => undefined).resume()
      readers.push(socket)
    }
    await Promise.all(readers.map((reader) => reader.bytesRead > 0 || once(reader, 'data')))
    child.kill('SIGSTOP')
    const [socket] = opened.sockets
    if (!socket) throw new Error('no client')
    let before = -1
    await expect
      .poll(
        () => {
          const isStill = socket.bytesWritten === before
          before = socket.bytesWritten
          return isStill
        },
        { interval: 500 },
      )
      .toBe(true)
    // What is buffered for one client: a few packets, where 64 windows would be 128 MiB.
    expect(socket.writableLength).toBeLessThan(1_000_000)
    child.kill('SIGKILL')
    for (const reader of readers) reader.destroy()
    endless.close()
  })
})

describe.skipIf(!isPossible)('an SSH client that is not let in', () => {
  let opened: Awaited<ReturnType<typeof openLocalGateway>>
  afterEach(() => opened.dispose())

  it('has another key', async () => {
    opened = await openLocalGateway()
    const key = join(opened.folder, 'other')
    await opened.run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
    const ours = join(opened.platform.folders.config, 'ssh', 'id_ed25519')
    const config = `${opened.config}-2`
    writeFileSync(config, readFileSync(opened.config, 'utf8').replace(ours, key))
    const ran = await opened.run('ssh', ['-F', config, 'demo.berth', 'true'])
    expect([ran.code, ran.stderr]).toEqual([255, expect.stringContaining('Permission denied (publickey)')])
  })

  it('tries a password, or nothing', async () => {
    opened = await openLocalGateway()
    for (const method of ['password', 'keyboard-interactive', 'none']) {
      const ran = await opened.ssh(['-o', `PreferredAuthentications=${method}`, 'demo.berth', 'true'])
      expect([ran.code, ran.stderr]).toEqual([255, expect.stringContaining('Permission denied (publickey)')])
    }
  })

  it('asks for somebody else than the workspace user, and is told so', async () => {
    opened = await openLocalGateway()
    const ran = await opened.ssh(['root@demo.berth', 'true'])
    expect([ran.code, ran.stderr]).toEqual([
      255,
      expect.stringContaining('in demo you are dev, and not root'),
    ])
    expect((await opened.ssh(['dev@demo.berth', 'true'])).code).toBe(0)
  })

  it('knows another gateway by this name, and does not even try', async () => {
    opened = await openLocalGateway()
    const known = join(opened.platform.folders.config, 'ssh', 'known_hosts')
    await opened.run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(opened.folder, 'host')])
    const other = readFileSync(join(opened.folder, 'host.pub'), 'utf8')
    writeFileSync(known, `berth-gateway ${other}`)
    const ran = await opened.ssh(['demo.berth', 'true'])
    expect([ran.code, ran.stderr]).toEqual([255, expect.stringContaining('HOST IDENTIFICATION HAS CHANGED')])
  })

  it('finds a workspace in which no agent can run, and is told so', async () => {
    opened = await openLocalGateway({
      agents: { facts: async () => undefined, read: () => Promise.reject() },
    })
    const problem = await opened.gateway
      .reach('demo.berth', never)
      .catch((error: ProblemError) => error.problem)
    expect(problem).toMatchObject({ code: 'agent-unavailable', title: 'SSH cannot reach demo' })
  })

  it('finds no workspace, or one that is stopped and stays so', async () => {
    opened = await openLocalGateway()
    const problemOf = (error: ProblemError) => error.problem
    const reach = (host: string) => opened.gateway.reach(host, never).catch(problemOf)
    expect(await reach('other.berth')).toMatchObject({ code: 'not-found' })
    opened.show({ state: 'stopped' })
    expect(await reach('demo.berth')).toMatchObject({
      code: 'workspace-not-running',
      title: 'demo is stopped',
      actions: [{ kind: 'workspace', verb: 'start' }],
    })
    opened.show({ state: 'starting' })
    const waiting = opened.gateway.reach('demo.berth', never)
    opened.show({ state: 'running' })
    expect(await waiting).toBeTypeOf('function')
  })
})
