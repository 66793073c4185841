import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type ExecDependencies,
  type PodExecOptions,
  startExec,
} from '../../main/engine/drivers/kubernetes/streams/exec'
import { digestOf, stallReading } from '../harness/exec-streams'
import { TEST_IMAGES } from '../harness/images'
import { clientOf, startPod, without } from './pods'
import { dependenciesOf, MEBIBYTE, never, outcome, sh, sleeper, streamPods, until } from './stream-pods'

const on = streamPods()

const ways = [
  { name: 'spdy', blocked: ['websocket'] },
  { name: 'websocket', blocked: ['spdy'] },
] as const

describe.each(ways)('exec over $name', ({ name, blocked }) => {
  let dependencies: ExecDependencies
  const exec = (options: PodExecOptions, where = on.pod) =>
    startExec(dependencies, where, 'main', options, never)

  beforeAll(() => {
    dependencies = dependenciesOf(without(on.client, ...blocked))
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
    const [sha256, output] = await Promise.all([text(process.stderr as Readable), digestOf(process.stdout)])
    expect(await process.exit).toEqual({ code: 0 })
    expect(output).toEqual({ size: 200 * MEBIBYTE, sha256 })
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
    const stalled = await stallReading(process, () => globalThis.process.memoryUsage().arrayBuffers)
    expect(stalled.held).toBeLessThan(8 * MEBIBYTE)
    expect(stalled.size).toBe(size)
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
    ['debian', () => on.pod, 'dev'],
    ['busybox', () => on.smallPod, undefined],
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
          on.smallPod,
        )
        process.stdin.write(`number ${number}\r`)
        const [stdout, { code }] = await Promise.all([text(process.stdout), process.exit])
        return { right: stdout.includes(`got number ${number}\r\n`), code }
      }),
    )
    expect(terminals).toEqual(terminals.map((_, number) => ({ right: true, code: number })))
  })

  it.each([
    ['debian', () => on.pod],
    ['busybox', () => on.smallPod],
  ])('signals a process and its descendants (%s)', async (_, where) => {
    const process = await exec(
      { command: sh('env -i /bin/sh -c "sleep 4321 & sleep 4321" & sleep 4321 & echo up; wait') },
      where(),
    )
    process.stderr?.resume()
    await once(process.stdout, 'data')
    process.stdout.resume()
    // What is put into the background may begin later than what comes after it.
    await untilThere('4321', 3, where())
    await process.kill('SIGTERM')
    expect((await process.exit).code).toBe(143)
    await untilThere('4321', 0, where())
    await expect(process.kill('NONSENSE; rm')).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
  })

  it('ends what runs when it is destroyed, even if that ignores polite signals', async () => {
    const process = await exec({ command: sh('trap "" TERM HUP INT; sleep 9876 & wait; sleep 9876') })
    await untilThere('9876', 1, on.pod)
    process.destroy()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'cancelled' } })
    await Promise.all(dependencies.ending)
    await untilThere('9876', 0, on.pod)
  })

  it('rejects when it is aborted, and leaves nothing running', async () => {
    const controller = new AbortController()
    const started = startExec(dependencies, on.pod, 'main', { command: ['sleep', '8765'] }, controller.signal)
    setTimeout(() => controller.abort(), 30)
    const result = await started.then(
      async (process) => process.destroy(),
      (error: { problem?: { code: string } }) => error.problem?.code,
    )
    expect([undefined, 'cancelled']).toContain(result)
    await Promise.all(dependencies.ending)
    expect(await countOf('8765', on.pod)).toBe(0)
  })

  /** Waits for so many of them; even what is killed is there until it gets a processor to end on. */
  function untilThere(argument: string, count: number, where: string): Promise<void> {
    let there = -1
    return until(
      async () => {
        there = await countOf(argument, where)
        return there === count
      },
      () => `${there} of ${count} processes`,
    )
  }

  /** How many `sleep <argument>` processes there are. */
  async function countOf(argument: string, where: string): Promise<number> {
    const script = `n=0; for f in /proc/[0-9]*/cmdline; do [ "$(tr '\\0' ' ' <$f 2>/dev/null)" = "sleep ${argument} " ] && n=$((n+1)); done; echo $n`
    return Number((await outcome(await exec({ command: sh(script) }, where))).stdout)
  }
})

describe('exec', () => {
  let dependencies: ExecDependencies
  const exec = (options: PodExecOptions, where = on.pod) =>
    startExec(dependencies, where, 'main', options, never)

  beforeAll(() => {
    dependencies = dependenciesOf(on.client)
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
    ['the same user', 'dev', () => on.userPod, { stdout: '1000:1000\n', code: 0 }],
    ['a user by name', 'dev', () => on.pod, { stdout: '1000:1000\n', code: 0 }],
    ['a user by uid and gid', '1234:4321', () => on.pod, { stdout: '1234:4321\n', code: 0 }],
    ['a user by name in busybox', 'dev', () => on.smallPod, { stdout: '1000:1000\n', code: 0 }],
  ])('runs as %s', async (_, user, where, expected) => {
    const process = await exec({ command: sh('echo $(id -u):$(id -g)'), user }, where())
    expect(await outcome(process)).toMatchObject(expected)
  })

  it.each([
    ['who is not there', 'nobody-of-that-name', () => on.pod, 'user-not-found'],
    ['whom the pod’s user cannot become', 'root', () => on.userPod, 'permission-denied'],
  ])('says so of a user %s', async (_, user, where, code) => {
    await expect(exec({ command: ['true'], user }, where())).rejects.toMatchObject({ problem: { code } })
  })

  it('says what is not there', async () => {
    await expect(exec({ command: ['true'] }, 'no-such-pod')).rejects.toMatchObject({
      problem: { code: 'workspace-not-running', title: '"true" could not be started' },
    })
  })

  it('ends with a reason when the driver is closed, and nothing hangs', async () => {
    const api = clientOf(on.namespace)
    const other = dependenciesOf(api)
    const process = await startExec(other, on.pod, 'main', { command: ['sleep', '300'] }, never)
    process.stdout.resume()
    process.stderr?.resume()
    await api.dispose()
    expect(await process.exit).toMatchObject({ code: null, problem: { code: 'connection-lost' } })
    expect((await outcome(await exec({ command: ['pkill', '-f', 'sleep 300'] }))).code).toBe(0)
  })

  it('ends when its pod is deleted in mid-stream', async () => {
    const name = await startPod(on.cluster, on.namespace.name, {
      image: TEST_IMAGES.alpine,
      command: sleeper,
    })
    const process = await exec({ command: sh('while :; do echo flood; done') }, name)
    process.stdout.resume()
    process.stderr?.resume()
    const before = Date.now()
    await on.cluster.kubectl('-n', on.namespace.name, 'delete', 'pod', name, '--wait=false')
    const { code, problem } = await process.exit
    if (code === null) expect(problem?.code).toBe('connection-lost')
    else expect([137, 143]).toContain(code)
    expect(Date.now() - before).toBeLessThan(60_000)
  })
})
