import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Driver } from '../../main/engine/drivers/driver'
import { collect, type DriverHarness, makeWorkspace, never, Recorder, run, sh, untilSo } from './harness'

export function logsConformance(harness: DriverHarness): void {
  describe('logs', () => {
    let driver: Driver
    const made: string[] = []

    beforeAll(() => {
      driver = harness.open()
    })
    afterEach(async () => {
      for (const id of made.splice(0)) {
        await driver.remove(id, new Recorder(), never)
        expect(await harness.leftovers(id)).toEqual([])
      }
    })
    afterAll(() => driver.dispose())

    /** Resolves once the target has so many bytes of a workspace's log: it may still write when who printed has ended. */
    const written = (id: string, bytes: number) =>
      untilSo(async () => {
        const logs = await driver.logs(id, { follow: false }, never)
        const both = await Promise.all([collect(logs.stdout), collect(logs.stderr)])
        return Buffer.concat(both).length >= bytes
      })

    /** A workspace whose PID 1 prints what is written into it. */
    const talker = async () => {
      const { id } = await makeWorkspace(driver, harness.images.full)
      made.push(id)
      // The idle command's own output: file descriptors of PID 1's child are reached through /proc.
      const say = (script: string) => run(driver, id, sh(`exec >/proc/1/fd/1 2>/proc/1/fd/2; ${script}`))
      return { id, say }
    }

    it('gives what was printed, channels apart, and ends', async () => {
      const { id, say } = await talker()
      await say('for n in 1 2 3; do echo out $n; echo err $n >&2; done')
      await written(id, 6 * 'out 1\n'.length)
      const logs = await driver.logs(id, { follow: false }, never)
      const [stdout, stderr] = await Promise.all([collect(logs.stdout), collect(logs.stderr)])
      if (harness.logChannels === 'apart') {
        expect(stdout.toString()).toBe('out 1\nout 2\nout 3\n')
        expect(stderr.toString()).toBe('err 1\nerr 2\nerr 3\n')
      } else {
        // Written to two pipes, so that only the order within each is sure.
        const lines = stdout.toString().split('\n').filter(Boolean)
        expect(lines.filter((line) => line.startsWith('out'))).toEqual(['out 1', 'out 2', 'out 3'])
        expect(lines.filter((line) => line.startsWith('err'))).toEqual(['err 1', 'err 2', 'err 3'])
        expect(lines).toHaveLength(6)
      }
      expect(await logs.end).toEqual({})
    })

    it('gives the newest lines only, or none of the old ones', async () => {
      const { id, say } = await talker()
      await say('for n in 1 2 3 4 5; do echo $n; done')
      await written(id, 5 * '1\n'.length)
      const tail = async (count: number) => {
        const logs = await driver.logs(id, { follow: false, tail: count }, never)
        logs.stderr.resume()
        return (await collect(logs.stdout)).toString()
      }
      expect(await tail(2)).toBe('4\n5\n')
      expect(await tail(0)).toBe('')
    })

    it('follows until the workspace stops', async () => {
      const { id, say } = await talker()
      await say('echo before')
      const logs = await driver.logs(id, { follow: true }, never)
      let text = ''
      logs.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      logs.stderr.resume()
      await say('echo during')
      await untilSo(() => text.includes('during\n'))
      expect(text).toBe('before\nduring\n')
      await driver.stop(id, { grace: 1000 }, new Recorder(), never)
      expect(await logs.end).toEqual({})
    })

    it('ends when it is destroyed or aborted, and disturbs nothing', async () => {
      const { id } = await talker()
      const one = await driver.logs(id, { follow: true }, never)
      one.destroy()
      expect(await one.end).toEqual({})
      const controller = new AbortController()
      const two = await driver.logs(id, { follow: true }, controller.signal)
      controller.abort()
      expect(await two.end).toEqual({})
      expect(two.stdout.destroyed).toBe(true)
      await expect(driver.logs('tnotthere3', { follow: true }, never)).rejects.toMatchObject({
        problem: { code: 'workspace-gone' },
      })
    })

    it('tells with a reason that more might have come when the driver is closed', async () => {
      const { id } = await talker()
      const other = harness.open()
      const logs = await other.logs(id, { follow: true }, never)
      logs.stdout.resume()
      logs.stderr.resume()
      await other.dispose()
      expect(await logs.end).toMatchObject({ problem: { code: 'connection-lost' } })
    })

    it('takes a quarter of a million short lines of both channels apart exactly', async () => {
      const { id } = await talker()
      const script = `
import sys
out, err = open('/proc/1/fd/1', 'w'), open('/proc/1/fd/2', 'w')
for n in range(250000):
    print('line %08d of log' % n, file=out)
    n % 10 or print('e%d' % n, file=err)
`
      expect((await run(driver, id, ['python3', '-c', script])).code).toBe(0)
      // The engine may still be writing its log when the program has ended: follows until all of it came.
      const logs = await driver.logs(id, { follow: true }, never)
      const out: Buffer[] = []
      const err: Buffer[] = []
      const errors = Array.from({ length: 25_000 }, (_, n) => `e${n * 10}\n`).join('')
      const sizes = { out: 250_000 * 21, err: errors.length }
      const all = new Promise<void>((resolve) => {
        const got = { out: 0, err: 0 }
        const apart = () => got.out >= sizes.out && got.err >= sizes.err
        const mixed = () => got.out >= sizes.out + sizes.err
        const look = () => (harness.logChannels === 'apart' ? apart() : mixed()) && resolve()
        logs.stdout.on('data', (chunk: Buffer) => {
          got.out += chunk.length
          out.push(chunk)
          look()
        })
        logs.stderr.on('data', (chunk: Buffer) => {
          got.err += chunk.length
          err.push(chunk)
          look()
        })
      })
      await all
      logs.destroy()
      const expected = Array.from(
        { length: 250_000 },
        (_, n) => `line ${String(n).padStart(8, '0')} of log\n`,
      ).join('')
      const lines = Buffer.concat(out)
        .toString()
        .split(/(?<=\n)/)
      const isError = (line: string) => harness.logChannels === 'mixed' && line.startsWith('e')
      expect(lines.filter((line) => !isError(line)).join('') === expected).toBe(true)
      expect(Buffer.concat(err).toString() + lines.filter(isError).join('') === errors).toBe(true)
      expect(await logs.end).toEqual({})
    })
  })
}
