import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { Driver } from '../../main/engine/drivers/driver'
import { digestOf, stallReading } from '../harness/exec-streams'
import {
  collect,
  type DriverHarness,
  disposedInTime,
  makeWorkspace,
  never,
  Recorder,
  run,
  sh,
} from './harness'

const MEBIBYTE = 1024 * 1024

/** Bytes that each have another neighbour, made from a seed on both sides. */
const generator = `
import hashlib, sys
total, digest, block = int(sys.argv[1]), hashlib.sha256(), bytes(range(256)) * 256
while total > 0:
    part = block[:min(total, len(block))]
    sys.stdout.buffer.write(part); digest.update(part); total -= len(part)
    block = block[1:] + block[:1]
sys.stdout.buffer.flush()
sys.stderr.write(digest.hexdigest())
`

export function execConformance(harness: DriverHarness): void {
  describe('exec', () => {
    let driver: Driver
    let id: string
    let smallId: string

    beforeAll(async () => {
      driver = harness.open()
      const [full, small] = await Promise.all([
        makeWorkspace(driver, harness.images.full, {
          definition: { containerEnv: { FROM_CONTAINER: 'yes' } },
        }),
        makeWorkspace(driver, harness.images.small),
      ])
      id = full.id
      smallId = small.id
    })

    afterAll(async () => {
      await Promise.all([
        driver.remove(id, new Recorder(), never),
        driver.remove(smallId, new Recorder(), never),
      ])
      await driver.dispose()
      expect([...(await harness.leftovers(id)), ...(await harness.leftovers(smallId))]).toEqual([])
    })

    it('has ended what was destroyed by the time that the driver is disposed of', async () => {
      for (let seconds = 54_321, isGone = false; !isGone; seconds++) {
        const other = harness.open()
        const running = await other.exec(id, { command: sh(`exec sleep ${seconds}`) }, never)
        running.destroy()
        const inTime = await disposedInTime(other)
        const { stdout } = await run(driver, id, sh('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "'))
        isGone = !stdout.includes(`sleep ${seconds}`)
        if (inTime) expect(isGone).toBe(true)
      }
    })

    it('keeps stdout and stderr apart and tells the exit code', async () => {
      expect(await run(driver, id, sh('echo out; echo err >&2; exit 7'))).toEqual({
        code: 7,
        stdout: 'out\n',
        stderr: 'err\n',
      })
    })

    it.each([0, 1, 2, 126, 255])('tells exit code %d', async (code) => {
      expect((await run(driver, id, sh(`exit ${code}`))).code).toBe(code)
    })

    it('tells the death by a signal as 128+n', async () => {
      expect((await run(driver, id, sh('kill -9 $$'))).code).toBe(137)
    })

    it('says with code 126 or 127 that a command does not exist', async () => {
      const { code } = await run(driver, id, ['/no/such/program'])
      expect([126, 127]).toContain(code)
    })

    it('gives command, folder, user and environment as asked, whatever characters they have', async () => {
      const odd = `a b'c"d$e\`f\\g*h\n\u00fc\u{1F680}`
      const { stdout } = await run(
        driver,
        id,
        ['/bin/sh', '-c', 'printf "%s|" "$@"; pwd; id -un; printf %s "$ODD"', 'sh', odd, ''],
        {
          cwd: '/tmp',
          user: 'dev',
          env: { ODD: odd },
        },
      )
      expect(stdout).toBe(`${odd}||/tmp\ndev\n${odd}`)
    })

    it('runs as PID 1 does when nothing is asked for, with the definition’s containerEnv', async () => {
      expect((await run(driver, id, sh('id -u; echo $FROM_CONTAINER'))).stdout).toBe('0\nyes\n')
    })

    it('says that a user does not exist: as a Problem, or as the output of code 126', async () => {
      const outcome = await run(driver, id, ['true'], { user: 'nobody-of-that-name' }).catch(
        (error: unknown) => error,
      )
      if (outcome instanceof ProblemError) expect(outcome.problem.code).toBe('user-not-found')
      else
        expect(outcome).toMatchObject({ code: 126, stdout: expect.stringContaining('nobody-of-that-name') })
    })

    it('carries 200 MB out exactly', async () => {
      const process = await driver.exec(
        id,
        { command: ['python3', '-c', generator, String(200 * MEBIBYTE)] },
        never,
      )
      process.stdin.end()
      const [stderr, output] = await Promise.all([collect(process.stderr), digestOf(process.stdout)])
      expect((await process.exit).code).toBe(0)
      expect(output).toEqual({ size: 200 * MEBIBYTE, sha256: stderr.toString('utf8') })
    })

    it('carries 50 MB of random bytes in exactly, and half-closes', async () => {
      const process = await driver.exec(id, { command: ['sha256sum'] }, never)
      const digest = createHash('sha256')
      const block = randomBytes(MEBIBYTE)
      for (let count = 0; count < 50; count++) {
        block.writeUInt32LE(count, 0)
        const copy = Buffer.from(block)
        digest.update(copy)
        if (!process.stdin.write(copy)) await once(process.stdin, 'drain')
      }
      process.stdin.end()
      expect((await collect(process.stdout)).toString()).toBe(`${digest.digest('hex')}  -\n`)
      expect((await process.exit).code).toBe(0)
    })

    it('leaves the output flowing after the input’s end', async () => {
      const process = await driver.exec(
        id,
        { command: sh('cat >/dev/null; sleep 0.3; echo still here') },
        never,
      )
      process.stdin.end('x')
      expect((await collect(process.stdout)).toString()).toBe('still here\n')
    })

    it('passes both ways at once without a deadlock', async () => {
      const process = await driver.exec(id, { command: ['cat'] }, never)
      const block = randomBytes(MEBIBYTE)
      const writing = (async () => {
        for (let count = 0; count < 20; count++) {
          if (!process.stdin.write(Buffer.from(block))) await once(process.stdin, 'drain')
        }
        process.stdin.end()
      })()
      const output = await collect(process.stdout)
      await writing
      expect(output.length).toBe(20 * MEBIBYTE)
      expect(output.subarray(19 * MEBIBYTE).equals(block)).toBe(true)
    })

    it('takes many tiny writes to both channels apart', async () => {
      const script = `
import os
for n in range(20000):
    os.write(1, b'o'); os.write(2, b'e')
`
      const { stdout, stderr, code } = await run(driver, id, ['python3', '-c', script])
      expect(code).toBe(0)
      expect(stdout).toBe('o'.repeat(20_000))
      expect(stderr).toBe('e'.repeat(20_000))
    })

    it('holds at most 8 MB for a reader that stops, and then gives it all', async () => {
      const size = 256 * MEBIBYTE
      const process = await driver.exec(id, { command: ['head', '-c', String(size), '/dev/zero'] }, never)
      process.stdin.end()
      process.stderr?.resume()
      const stalled = await stallReading(process, memory)
      expect(stalled.held).toBeLessThan(8 * MEBIBYTE)
      expect(stalled.size).toBe(size)
      expect((await process.exit).code).toBe(0)
    })

    it('holds a writer up when the process does not read', async () => {
      const process = await driver.exec(id, { command: sh('sleep 60') }, never)
      const block = Buffer.alloc(MEBIBYTE)
      let taken = 0
      while (taken < 64 && process.stdin.write(block)) taken++
      const drained = await Promise.race([
        once(process.stdin, 'drain').then(() => true),
        new Promise((resolve) => setTimeout(() => resolve(false), 1_000)),
      ])
      for (let more = 0; drained && more < 64 && process.stdin.write(block); more++) taken++
      expect(taken).toBeLessThan(16)
      process.destroy()
      expect((await process.exit).code).toBeNull()
    })

    it('gives a terminal: one channel, its size at once, and after a change', async () => {
      const process = await driver.exec(
        id,
        {
          command: sh(
            'stty size; while [ "$(stty size)" = "45 123" ]; do sleep 0.1; done; stty size; read line; test -t 0 && echo terminal',
          ),
          tty: { columns: 123, rows: 45 },
        },
        never,
      )
      expect(process.stderr).toBeNull()
      let text = ''
      process.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
      await until(
        () => text.includes('45 123'),
        () => text,
      )
      await process.resize(200, 50)
      await until(
        () => text.includes('50 200'),
        () => text,
      )
      process.stdin.write('\r')
      expect((await process.exit).code).toBe(0)
      expect(text).toContain('terminal')
    })

    // A program that asks once: on a terminal the end of input is a moment, and who reads on waits for more.
    it.each([
      ['nothing', ''],
      ['a whole line', 'one\n'],
      ['half a line', 'half'],
    ])('ends a terminal’s input after %s, and its output flows on', async (_, typed) => {
      const process = await driver.exec(
        id,
        { command: sh('stty -echo; echo "<$(cat)>"; echo end'), tty: { columns: 80, rows: 24 } },
        never,
      )
      let text = ''
      process.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8')
      })
      process.stdin.end(typed)
      expect((await process.exit).code).toBe(0)
      expect(text).toContain(`<${typed.trim()}>`)
      expect(text).toContain('end')
    })

    it('takes a resize at any moment, also after the end', async () => {
      const process = await driver.exec(id, { command: ['true'], tty: { columns: 80, rows: 24 } }, never)
      const resizes = Promise.all(Array.from({ length: 10 }, (_, n) => process.resize(80 + n, 24)))
      process.stdout.resume()
      await process.exit
      await resizes
      await process.resize(10, 10)
    })

    it('passes Ctrl-C on to a terminal’s process', async () => {
      const process = await driver.exec(
        id,
        { command: sh('echo up; exec sleep 600'), tty: { columns: 80, rows: 24 } },
        never,
      )
      await once(process.stdout, 'data')
      process.stdout.resume()
      process.stdin.write('\x03')
      expect((await process.exit).code).toBe(130)
    })

    it.each(['full', 'small'] as const)('signals a process and its descendants (%s image)', async (image) => {
      const workspace = image === 'full' ? id : smallId
      const process = await driver.exec(
        workspace,
        { command: sh('env -i /bin/sh -c "sleep 4321 & sleep 4321" & sleep 4321 & wait') },
        never,
      )
      process.stderr?.resume()
      process.stdout.resume()
      await untilAsync(async () => (await countOf(driver, workspace, '4321')) === 3)
      await process.kill('SIGTERM')
      const { code } = await process.exit
      expect(code).toBe(143)
      // Each has its signal by then, and ends when it gets the processor.
      await untilAsync(async () => (await countOf(driver, workspace, '4321')) === 0)
    })

    it('ends what runs when it is destroyed, even if that ignores polite signals', async () => {
      const process = await driver.exec(
        id,
        { command: sh('trap "" TERM HUP INT; sleep 9876 & wait; sleep 9876') },
        never,
      )
      await untilAsync(async () => (await countOf(driver, id, '9876')) > 0)
      process.destroy()
      expect(await process.exit).toMatchObject({ code: null, problem: { code: 'cancelled' } })
      await untilAsync(async () => (await countOf(driver, id, '9876')) === 0)
    })

    it('answers a signal without a name with invalid-input', async () => {
      const process = await driver.exec(id, { command: ['true'] }, never)
      await expect(process.kill('NONSENSE; rm')).rejects.toMatchObject({ problem: { code: 'invalid-input' } })
      process.stdout.resume()
      process.stderr?.resume()
      await process.exit
    })

    it('rejects with cancelled when it is aborted before it began', async () => {
      const controller = new AbortController()
      controller.abort()
      await expect(driver.exec(id, { command: ['true'] }, controller.signal)).rejects.toMatchObject({
        problem: { code: 'cancelled' },
      })
    })

    it('runs a hundred at once, each on its own', async () => {
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, n) => run(driver, smallId, sh(`echo ${n}; exit ${n % 50}`))),
      )
      expect(results).toEqual(results.map((_, n) => ({ stdout: `${n}\n`, stderr: '', code: n % 50 })))
    })

    it('ends with a reason when the driver is closed, and nothing hangs', async () => {
      const other = harness.open()
      const process = await other.exec(id, { command: ['sleep', '300'] }, never)
      process.stdout.resume()
      process.stderr?.resume()
      await other.dispose()
      expect(await process.exit).toMatchObject({ code: null, problem: { code: 'connection-lost' } })
      await run(driver, id, sh("pkill -f 'sleep 300'"))
    })

    it('says so when the workspace is not running, or not there', async () => {
      await driver.stop(smallId, { grace: 1000 }, new Recorder(), never)
      await expect(run(driver, smallId, ['true'])).rejects.toMatchObject({
        problem: { code: 'workspace-not-running' },
      })
      await driver.start(smallId, new Recorder(), never)
      expect((await run(driver, smallId, ['true'])).code).toBe(0)
      await expect(run(driver, 'tnotthere1', ['true'])).rejects.toMatchObject({
        problem: { code: 'workspace-gone' },
      })
    })

    it('ends when the workspace stops under it', async () => {
      const process = await driver.exec(smallId, { command: sh('echo up; sleep 300') }, never)
      await once(process.stdout, 'data')
      process.stderr?.resume()
      await driver.stop(smallId, { grace: 1000 }, new Recorder(), never)
      const { code, problem } = await process.exit
      if (code === null) expect(problem?.code).toBe('connection-lost')
      else expect([137, 143]).toContain(code)
      await driver.start(smallId, new Recorder(), never)
    })
  })
}

function memory(): number {
  const { rss, external, arrayBuffers } = process.memoryUsage()
  return Math.max(rss, external + arrayBuffers)
}

async function until(condition: () => boolean, seen: () => string): Promise<void> {
  for (let waited = 0; waited < 1200; waited++) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`not within a minute; seen: ${seen()}`)
}

async function untilAsync(condition: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 400; waited++) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
  throw new Error('not within a minute')
}

/** How many `sleep <argument>` processes a workspace has. */
async function countOf(driver: Driver, id: string, argument: string): Promise<number> {
  const script = `n=0; for f in /proc/[0-9]*/cmdline; do [ "$(tr '\\0' ' ' <$f 2>/dev/null)" = "sleep ${argument} " ] && n=$((n+1)); done; echo $n`
  return Number((await run(driver, id, sh(script))).stdout)
}
