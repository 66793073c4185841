import { createHash, randomBytes } from 'node:crypto'
import { once, setMaxListeners } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { extract, pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExecProcess } from '../../main/engine/drivers/driver'
import type { ApiClient } from '../../main/engine/drivers/kubernetes/api'
import {
  type ExecDependencies,
  type PodExecOptions,
  startExec,
} from '../../main/engine/drivers/kubernetes/streams/exec'
import { readPath, writePath } from '../../main/engine/drivers/kubernetes/streams/files'
import { openLogs } from '../../main/engine/drivers/kubernetes/streams/logs'
import { ProtocolMemory } from '../../main/engine/drivers/kubernetes/streams/protocols'
import { PodStats } from '../../main/engine/drivers/kubernetes/streams/stats'
import { systemClock } from '../../main/engine/platform/clock'
import { silentLogger } from '../../main/engine/platform/logger'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { CuttingProxy } from './cutting-proxy'
import { clientOf, startPod, without } from './pods'

const MEBIBYTE = 1024 * 1024
const never = new AbortController().signal
setMaxListeners(0, never)
const sleeper = ['sleep', '100000']

let cluster: TestCluster
let namespace: TestNamespace
let client: ApiClient
let pod: string
let userPod: string
let smallPod: string

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  client = clientOf(namespace)
  const start = (image: string, uid?: number) =>
    startPod(cluster, namespace.name, { image, command: sleeper, ...(uid !== undefined && { uid }) })
  ;[pod, userPod, smallPod] = await Promise.all([
    start(TEST_IMAGES.debian),
    start(TEST_IMAGES.debian, 1000),
    start(TEST_IMAGES.alpine),
  ])
})

afterAll(async () => {
  await client?.dispose()
  await namespace?.dispose()
})

function dependenciesOf(api: ApiClient): ExecDependencies {
  return { client: api, logger: silentLogger, protocols: new ProtocolMemory(), ending: new Set() }
}

async function outcome(process: ExecProcess, input?: string) {
  process.stdin.end(input)
  const [stdout, stderr] = await Promise.all([
    text(process.stdout),
    process.stderr ? text(process.stderr) : '',
  ])
  return { stdout, stderr, ...(await process.exit) }
}

const sh = (script: string) => ['/bin/sh', '-c', script]

async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (let waited = 0; waited < 900; waited++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`not within 90 s: ${what()}`)
}

/** The ways that a server of any version can be spoken to; what is tested of each must be the same. */
const ways = [
  { name: 'spdy', blocked: ['websocket'] },
  { name: 'websocket', blocked: ['spdy'] },
] as const

describe.each(ways)('exec over $name', ({ name, blocked }) => {
  let dependencies: ExecDependencies
  const exec = (options: PodExecOptions, where = pod) =>
    startExec(dependencies, where, 'main', options, never)

  beforeAll(() => {
    dependencies = dependenciesOf(without(client, ...blocked))
  })

  it('keeps stdout and stderr apart and tells the exit code', async () => {
    expect(await outcome(await exec({ command: sh('echo out; echo err >&2; exit 7') }))).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    })
    expect(dependencies.protocols.works).toMatch(name)
  })

  it('gives command, folder and environment as asked, whatever characters they have', async () => {
    const odd = `a b'c"d$e\`f\\g*h%i&j=k+l\n\u00fc\u{1F680}`
    const { stdout } = await outcome(
      await exec({
        command: [...sh('printf "%s|" "$@"; pwd; printf %s "$ODD"'), 'sh', odd, ''],
        cwd: '/tmp',
        env: { ODD: odd },
      }),
    )
    expect(stdout).toBe(`${odd}||/tmp\n${odd}`)
    const printed = await outcome(await exec({ command: ['env'], env: { 'no.name-of a shell': 'yes' } }))
    expect(printed.stdout).toContain('no.name-of a shell=yes\n')
  })

  it.each([
    ['no such program', ['/no/such/program'], 127],
    ['no such name', ['no-such-program'], 127],
    ['no program', ['/etc/passwd'], 126],
  ])('ends with the code of %s', async (_, command, code) => {
    expect((await outcome(await exec({ command }))).code).toBe(code)
  })

  it('tells what cannot be started without a shell as Docker does', async () => {
    const result = await outcome(await exec({ command: ['/no/such/program'], shell: false }))
    expect([126, 127]).toContain(result.code)
    expect(result.stdout).toContain('no such file or directory')
  })

  it('tells the death by a signal as 128+n', async () => {
    expect((await outcome(await exec({ command: sh('kill -9 $$') }))).code).toBe(137)
  })

  it('carries 200 MB of binary noise out exactly', async () => {
    const script = `
import hashlib, random, sys
digest, noise = hashlib.sha256(), random.Random(7)
for count in range(200):
    block = noise.randbytes(1048576)
    digest.update(block); sys.stdout.buffer.write(block)
sys.stdout.buffer.flush()
sys.stderr.write(digest.hexdigest())
`
    const process = await exec({ command: ['python3', '-c', script] })
    const digest = createHash('sha256')
    let size = 0
    const [said] = await Promise.all([
      text(process.stderr as Readable),
      (async () => {
        for await (const chunk of process.stdout) {
          size += chunk.length
          digest.update(chunk)
        }
      })(),
    ])
    expect(await process.exit).toEqual({ code: 0 })
    expect(size).toBe(200 * MEBIBYTE)
    expect(digest.digest('hex')).toBe(said)
  })

  it('carries 200 MB in exactly', async () => {
    const process = await exec({ command: sh(`head -c ${200 * MEBIBYTE} | sha256sum`) })
    process.stderr?.resume()
    const digest = createHash('sha256')
    for (let count = 0; count < 200; count++) {
      const block = randomBytes(MEBIBYTE)
      digest.update(block)
      if (!process.stdin.write(block)) await once(process.stdin, 'drain')
    }
    expect(await text(process.stdout)).toBe(`${digest.digest('hex')}  -\n`)
    expect(await process.exit).toEqual({ code: 0 })
  })

  it('holds at most 8 MB for a reader that stops, and then gives it all', async () => {
    const size = 128 * MEBIBYTE
    const process = await exec({ command: ['head', '-c', String(size), '/dev/zero'] })
    process.stderr?.resume()
    await once(process.stdout, 'readable')
    const memory = () => globalThis.process.memoryUsage().arrayBuffers
    const before = memory()
    let most = 0
    for (let waited = 0; waited < 20; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      most = Math.max(most, memory() - before)
    }
    expect(most).toBeLessThan(8 * MEBIBYTE)
    let received = 0
    for await (const chunk of process.stdout) received += chunk.length
    expect(received).toBe(size)
    expect(await process.exit).toEqual({ code: 0 })
  })

  it('gives stderr and the end although nobody reads stdout', async () => {
    const process = await exec({ command: sh('head -c 300000 /dev/zero; echo told >&2; exit 5') })
    expect(await text(process.stderr as Readable)).toBe('told\n')
    process.stdout.destroy()
    expect(await process.exit).toEqual({ code: 5 })
  })

  it('holds a writer up when the process does not read', async () => {
    const process = await exec({ command: sleeper })
    const block = Buffer.alloc(MEBIBYTE)
    let taken = 0
    while (taken < 64 && process.stdin.write(block)) taken++
    for (let more = 0; more < 64; more++) {
      const drained = await Promise.race([
        once(process.stdin, 'drain').then(() => true),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_500)),
      ])
      if (!drained) break
      while (taken < 64 && process.stdin.write(block)) taken++
    }
    expect(taken).toBeLessThan(48)
    process.destroy()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'cancelled' } })
    await Promise.all(dependencies.ending)
  })

  it('gives a terminal its size at once, and the last of a storm of them', async () => {
    const process = await exec({
      command: sh('stty size; read line; stty size; read line; test -t 0 && echo terminal'),
      tty: { columns: 123, rows: 45 },
    })
    expect(process.stderr).toBeNull()
    let seen = ''
    process.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString('utf8')
    })
    await until(
      () => seen.includes('45 123'),
      () => seen,
    )
    for (let count = 0; count < 500; count++) void process.resize(80 + count, 24)
    await process.resize(200, 50)
    // The size has a channel of its own, and may come behind what is typed after it.
    const look = await exec({
      command: sh(
        'for t in $(seq 900); do for p in /dev/pts/[0-9]*; do [ "$(stty -F $p size 2>/dev/null)" = "50 200" ] && exit 0; done; sleep 0.1; done; exit 1',
      ),
    })
    expect((await outcome(look)).code).toBe(0)
    process.stdin.write('\r')
    await until(
      () => seen.includes('50 200'),
      () => seen,
    )
    process.stdin.write('\r')
    expect((await process.exit).code).toBe(0)
    expect(seen).toContain('terminal')
    await process.resize(10, 10)
  })

  it('ends a terminal’s input within a line, and its output flows on', async () => {
    const process = await exec({
      command: sh('stty -echo; echo "<$(cat)>"; echo end'),
      tty: { columns: 80, rows: 24 },
    })
    const { stdout, code } = await outcome(process, 'half')
    expect(code).toBe(0)
    expect(stdout).toContain('<half>')
    expect(stdout).toContain('end')
  })

  it('gives a terminal its environment and what is typed at once, and shows nothing of how', async () => {
    const value = `secret-'"$\u00fc\u0003\n${'long '.repeat(20_000)}`
    const process = await exec({
      command: sh(
        'stty -icanon; read line; printf "got %s " "$line"; printf %s "$VALUE" | sha256sum; exit 5',
      ),
      env: { VALUE: value },
      tty: { columns: 80, rows: 24 },
    })
    process.stdin.write('typed\r')
    const [stdout, { code }] = await Promise.all([text(process.stdout), process.exit])
    const digest = createHash('sha256').update(value).digest('hex')
    expect({ stdout, code }).toEqual({ stdout: `typed\r\ngot typed ${digest}  -\r\n`, code: 5 })
  })

  it.each([
    ['debian', () => pod, 'dev'],
    ['busybox', () => smallPod, undefined],
  ])('shows the environment to nobody who lists processes (%s)', async (_, where, user) => {
    const process = await exec(
      {
        command: sh('echo up; read line; printf %s "$VALUE$line"'),
        env: { VALUE: 'not-for-others' },
        ...(user && { user }),
      },
      where(),
    )
    await once(process.stdout, 'data')
    const look = await exec({ command: sh('cat /proc/[0-9]*/cmdline | tr "\\0" " "') }, where())
    const listed = (await outcome(look)).stdout
    expect(listed).toContain('echo up')
    expect(listed).not.toContain('not-for-others')
    expect(await outcome(process, 'line\n')).toMatchObject({ stdout: 'not-for-othersline', code: 0 })
  })

  it('runs fifty terminals at once, each on its own', async () => {
    const terminals = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        const process = await exec(
          { command: sh(`read line; echo "got $line"; exit ${number}`), tty: { columns: 80, rows: 24 } },
          smallPod,
        )
        process.stdin.write(`number ${number}\r`)
        const [stdout, { code }] = await Promise.all([text(process.stdout), process.exit])
        return { right: stdout.includes(`got number ${number}\r\n`), code }
      }),
    )
    expect(terminals).toEqual(terminals.map((_, number) => ({ right: true, code: number })))
  })

  it.each([
    ['debian', () => pod],
    ['busybox', () => smallPod],
  ])('signals a process and its descendants (%s)', async (_, where) => {
    const process = await exec(
      { command: sh('env -i /bin/sh -c "sleep 4321 & sleep 4321" & sleep 4321 & echo up; wait') },
      where(),
    )
    process.stderr?.resume()
    await once(process.stdout, 'data')
    process.stdout.resume()
    await process.kill('SIGTERM')
    expect((await process.exit).code).toBe(143)
    expect(await countOf('4321', where())).toBe(0)
    await expect(process.kill('NONSENSE; rm')).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
  })

  it('ends what runs when it is destroyed, even if that ignores polite signals', async () => {
    const process = await exec({ command: sh('trap "" TERM HUP INT; sleep 9876 & wait; sleep 9876') })
    await until(
      async () => (await countOf('9876', pod)) > 0,
      () => 'no process',
    )
    process.destroy()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'cancelled' } })
    await Promise.all(dependencies.ending)
    expect(await countOf('9876', pod)).toBe(0)
  })

  it('rejects when it is aborted, and leaves nothing running', async () => {
    const controller = new AbortController()
    const started = startExec(dependencies, pod, 'main', { command: ['sleep', '8765'] }, controller.signal)
    setTimeout(() => controller.abort(), 30)
    const result = await started.then(
      async (process) => process.destroy(),
      (error: { problem?: { code: string } }) => error.problem?.code,
    )
    expect([undefined, 'cancelled']).toContain(result)
    await Promise.all(dependencies.ending)
    expect(await countOf('8765', pod)).toBe(0)
  })

  /** How many `sleep <argument>` processes there are. */
  async function countOf(argument: string, where: string): Promise<number> {
    const script = `n=0; for f in /proc/[0-9]*/cmdline; do [ "$(tr '\\0' ' ' <$f 2>/dev/null)" = "sleep ${argument} " ] && n=$((n+1)); done; echo $n`
    return Number((await outcome(await exec({ command: sh(script) }, where))).stdout)
  }
})

describe('exec', () => {
  let dependencies: ExecDependencies
  const exec = (options: PodExecOptions, where = pod) =>
    startExec(dependencies, where, 'main', options, never)

  beforeAll(() => {
    dependencies = dependenciesOf(client)
  })

  it('leaves the output flowing after the input’s end', async () => {
    const process = await exec({ command: sh('wc -c; sleep 0.5; echo still here') })
    expect(await outcome(process, 'x'.repeat(300_000))).toEqual({
      code: 0,
      stdout: '300000\nstill here\n',
      stderr: '',
    })
  })

  it('passes both ways at once without a deadlock', async () => {
    const process = await exec({ command: ['cat'] })
    const block = randomBytes(MEBIBYTE)
    const writing = (async () => {
      for (let count = 0; count < 20; count++) {
        if (!process.stdin.write(block)) await once(process.stdin, 'drain')
      }
      process.stdin.end()
    })()
    const output = await buffer(process.stdout)
    await writing
    expect(output.length).toBe(20 * MEBIBYTE)
    expect(output.subarray(19 * MEBIBYTE).equals(block)).toBe(true)
  })

  it.each([
    ['the same user', 'dev', () => userPod, { stdout: '1000:1000\n', code: 0 }],
    ['a user by name', 'dev', () => pod, { stdout: '1000:1000\n', code: 0 }],
    ['a user by uid and gid', '1234:4321', () => pod, { stdout: '1234:4321\n', code: 0 }],
    ['a user by name in busybox', 'dev', () => smallPod, { stdout: '1000:1000\n', code: 0 }],
  ])('runs as %s', async (_, user, where, expected) => {
    const process = await exec({ command: sh('echo $(id -u):$(id -g)'), user }, where())
    expect(await outcome(process)).toMatchObject(expected)
  })

  it.each([
    ['who is not there', 'nobody-of-that-name', () => pod, 'user-not-found'],
    ['whom the pod’s user cannot become', 'root', () => userPod, 'permission-denied'],
  ])('says so of a user %s', async (_, user, where, code) => {
    await expect(exec({ command: ['true'], user }, where())).rejects.toMatchObject({ problem: { code } })
  })

  it('says what is not there', async () => {
    await expect(exec({ command: ['true'] }, 'no-such-pod')).rejects.toMatchObject({
      problem: { code: 'workspace-not-running', title: '"true" could not be started' },
    })
  })

  it('ends with a reason when the driver is closed, and nothing hangs', async () => {
    const api = clientOf(namespace)
    const other = dependenciesOf(api)
    const process = await startExec(other, pod, 'main', { command: ['sleep', '300'] }, never)
    process.stdout.resume()
    process.stderr?.resume()
    await api.dispose()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'connection-lost' } })
    expect((await outcome(await exec({ command: ['pkill', '-f', 'sleep 300'] }))).code).toBe(0)
  })

  it('ends when its pod is deleted in mid-stream', async () => {
    const name = await startPod(cluster, namespace.name, { image: TEST_IMAGES.alpine, command: sleeper })
    const process = await exec({ command: sh('while :; do echo flood; done') }, name)
    process.stdout.resume()
    process.stderr?.resume()
    const before = Date.now()
    await cluster.kubectl('-n', namespace.name, 'delete', 'pod', name, '--wait=false')
    const { code, problem } = await process.exit
    if (code === null) expect(problem?.code).toBe('connection-lost')
    else expect([137, 143]).toContain(code)
    expect(Date.now() - before).toBeLessThan(60_000)
  })
})

describe('files', () => {
  let dependencies: ExecDependencies

  beforeAll(() => {
    dependencies = dependenciesOf(client)
  })

  describe.each([
    ['spdy', 'websocket'],
    ['websocket', 'spdy'],
  ] as const)('over %s', (_, blocked) => {
    it.each([
      ['root in debian', () => pod, '1000:1000'],
      ['a user in debian', () => userPod, '1000:1000'],
      ['busybox', () => smallPod, '1000:1000'],
    ])('go in and out again with owner, mode and exact bytes (%s)', async (_who, where, owner) => {
      const place = { pod: where(), container: 'main' }
      const limited = dependenciesOf(without(client, blocked))
      const content = randomBytes(3 * MEBIBYTE)
      const tar = pack()
      tar.entry({ name: 'in/', type: 'directory', uid: 1000, gid: 1000, mode: 0o750 })
      tar.entry({ name: 'in/\u00fc ö.bin', uid: 1000, gid: 1000, mode: 0o640 }, content)
      tar.entry({ name: 'in/link', type: 'symlink', linkname: '\u00fc ö.bin', uid: 1000, gid: 1000 })
      tar.entry({ name: 'in/empty', uid: 1000, gid: 1000 }, '')
      tar.finalize()
      await writePath(limited, place, '/tmp', tar, never)
      const look = await startExec(
        limited,
        place.pod,
        'main',
        { command: sh('cd /tmp/in && stat -c "%u:%g %a" . *.bin && readlink link') },
        never,
      )
      expect((await outcome(look)).stdout).toBe(`${owner} 750\n${owner} 640\n\u00fc ö.bin\n`)
      const found = new Map<string, Buffer>()
      for await (const entry of (await readPath(limited, place, '/tmp/in', never)).pipe(extract())) {
        found.set(entry.header.name, await buffer(entry))
      }
      expect([...found.keys()].sort()).toEqual(['in/', 'in/empty', 'in/link', 'in/\u00fc ö.bin'])
      expect(found.get('in/\u00fc ö.bin')?.equals(content)).toBe(true)
    })
  })

  it('that are not there are said', async () => {
    const place = { pod, container: 'main' }
    await expect(readPath(dependencies, place, '/no/such/thing', never)).rejects.toMatchObject({
      problem: { code: 'file-not-found' },
    })
    for (const folder of ['/no/such/folder', '/etc/passwd']) {
      const tar = pack()
      tar.finalize()
      await expect(writePath(dependencies, place, folder, tar, never)).rejects.toMatchObject({
        problem: { code: 'file-not-found' },
      })
      expect(tar.destroyed).toBe(true)
    }
  })

  it('that the user may not write or read are said, and what an image without tar cannot do', async () => {
    const tar = pack()
    tar.entry({ name: 'x' }, 'x')
    tar.finalize()
    await expect(
      writePath(dependencies, { pod: userPod, container: 'main' }, '/etc', tar, never),
    ).rejects.toMatchObject({ problem: { code: 'permission-denied' } })
    const scratch = await startPod(cluster, namespace.name, { image: TEST_IMAGES.scratch })
    await expect(
      readPath(dependencies, { pod: scratch, container: 'main' }, '/busybox', never),
    ).rejects.toMatchObject({ problem: { code: 'unsupported' } })
  })

  it('whose source breaks, or that are aborted, reject and leave no tar running', async () => {
    const place = { pod, container: 'main' }
    const broken = new Readable({
      read() {
        this.destroy(new Error('the source broke'))
      },
    })
    await expect(writePath(dependencies, place, '/tmp', broken, never)).rejects.toMatchObject({
      problem: { code: 'connection-lost', detail: 'the source broke' },
    })
    const endless = pack()
    const sink = endless.entry({ name: 'endless', size: 1e12 })
    const timer = setInterval(() => sink.write(Buffer.alloc(65_536)), 5)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 1_500)
    await expect(writePath(dependencies, place, '/tmp', endless, controller.signal)).rejects.toMatchObject({
      problem: { code: 'cancelled' },
    })
    clearInterval(timer)
    expect(endless.destroyed).toBe(true)
    const stream = await readPath(dependencies, place, '/usr', never)
    await once(stream, 'readable')
    stream.destroy()
    await until(
      async () => {
        const look = await startExec(dependencies, pod, 'main', { command: ['pgrep', 'tar'] }, never)
        return (await outcome(look)).stdout === ''
      },
      () => 'a tar still runs',
    )
  })
})

describe('stats', () => {
  it.each([
    ['debian', () => pod],
    ['busybox', () => smallPod],
  ])('tells a busy processor and the memory in use (%s)', async (_, where) => {
    const dependencies = dependenciesOf(client)
    const stats = new PodStats(dependencies, systemClock)
    const place = { pod: where(), container: 'main' }
    const idle = await stats.read(place, never)
    expect(idle.memory).toBeGreaterThan(0)
    const busy = await startExec(
      dependencies,
      place.pod,
      'main',
      { command: sh('while :; do :; done') },
      never,
    )
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const loaded = await stats.read(place, never)
    busy.destroy()
    await Promise.all(dependencies.ending)
    expect(loaded.cpu).toBeGreaterThan(idle.cpu)
    expect(loaded.cpu).toBeLessThan(3)
  })
})

describe('logs', () => {
  const closed = new AbortController()
  const open = (api: ApiClient, name: string, options: { follow: boolean; tail?: number }, signal = never) =>
    openLogs(
      { client: api, clock: systemClock, closed: closed.signal },
      { pod: name, container: 'main' },
      options,
      signal,
    )
  const talker = (script: string) =>
    startPod(cluster, namespace.name, { image: TEST_IMAGES.alpine, command: sh(script) })

  it('gives what was printed, whole or its end, with long lines as they were', async () => {
    const long = 'y'.repeat(50_000)
    const name = await talker(
      `for n in 1 2 3; do echo $n; done; head -c 50000 /dev/zero | tr "\\0" y; echo; printf last; sleep 1`,
    )
    await until(
      async () => (await text((await open(client, name, { follow: false })).stdout)).endsWith('last'),
      () => 'no last line',
    )
    const logs = await open(client, name, { follow: false })
    expect(await text(logs.stdout)).toBe(`1\n2\n3\n${long}\nlast`)
    expect(await text(logs.stderr)).toBe('')
    expect(await logs.end).toEqual({})
    expect(await text((await open(client, name, { follow: false, tail: 0 })).stdout)).toBe('')
    expect(await text((await open(client, name, { follow: false, tail: 1 })).stdout)).toBe('last')
  })

  it('goes on where it broke off, again and again, until the container has ended', async () => {
    const proxy = await CuttingProxy.start(new URL(client.identity.endpoint))
    const api = clientOf(namespace, proxy.url)
    try {
      const name = await talker(
        'sleep 1; n=0; while [ $n -lt 20000 ]; do n=$((n+1)); echo line $n; [ $((n % 400)) = 0 ] && sleep 0.2; done; printf end',
      )
      const logs = await open(api, name, { follow: true })
      const reading = text(logs.stdout)
      let over = false
      void logs.end.then(() => {
        over = true
      })
      for (let cuts = 0; cuts < 12 && !over; cuts++) {
        await new Promise((resolve) => setTimeout(resolve, 800))
        proxy.cut()
      }
      const seen = await reading
      const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n + 1}\n`).join('')
      expect(seen === `${lines}end`).toBe(true)
      expect(await logs.end).toEqual({})
      expect(proxy.cuts).toBeGreaterThan(2)
    } finally {
      await api.dispose()
      await proxy.dispose()
    }
  })

  it('ends when it is destroyed, aborted, or the pod is deleted', async () => {
    const name = await talker('echo up; sleep 100000')
    const one = await open(client, name, { follow: true })
    one.destroy()
    expect(await one.end).toEqual({})
    const controller = new AbortController()
    const two = await open(client, name, { follow: true }, controller.signal)
    controller.abort()
    expect(await two.end).toEqual({})
    expect(two.stdout.destroyed).toBe(true)
    const three = await open(client, name, { follow: true })
    three.stdout.resume()
    await cluster.kubectl('-n', namespace.name, 'delete', 'pod', name, '--wait=false')
    expect(await three.end).toEqual({})
  })
})
