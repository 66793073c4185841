import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import {
  type DriverHarness,
  definitionOf,
  disposedInTime,
  makeWorkspace,
  never,
  Recorder,
  run,
  sh,
  specOf,
  Watcher,
} from './harness'

/** Milliseconds after which a verb is given up: at once, in the middle of it wherever that is, and late. */
const MOMENTS = [0, 1, 10, 40, 150, 600]

/** Every verb may be given up at any moment; it says so and leaves what was there. */
export function cancelConformance(harness: DriverHarness): void {
  describe('giving up', () => {
    let driver: Driver
    let spec: WorkspaceSpec

    beforeAll(async () => {
      driver = harness.open()
      spec = await makeWorkspace(driver, harness.images.small)
      await run(driver, spec.id, sh('echo kept > /workspaces/app/file'))
    })
    // Whatever was given up, the workspace is the one that it was.
    afterEach(async () => {
      await driver.start(spec.id, new Recorder(), never)
      expect((await run(driver, spec.id, sh('cat /workspaces/app/file'))).stdout).toBe('kept\n')
    })
    afterAll(async () => {
      await driver.remove(spec.id, new Recorder(), never)
      await driver.dispose()
      expect(await harness.leftovers(spec.id)).toEqual([])
    })

    /** Does it and gives it up, at each of the moments; `undo` takes back what had been done by then. */
    const atEach = async <T>(
      verb: (signal: AbortSignal) => Promise<T>,
      undo: (result: T) => unknown = () => undefined,
    ) => {
      for (const moment of MOMENTS) {
        const controller = new AbortController()
        const timer = setTimeout(() => controller.abort(), moment)
        if (moment === 0) controller.abort()
        try {
          await undo(await verb(controller.signal))
        } catch (error) {
          expect(error).toBeInstanceOf(ProblemError)
          expect(error).toMatchObject({ problem: { code: 'cancelled' } })
        } finally {
          clearTimeout(timer)
        }
      }
    }

    it('probe', () => atEach((signal) => driver.probe(signal)))

    it('resolveImage', () =>
      atEach((signal) =>
        driver.resolveImage(
          {
            definition: definitionOf({ image: harness.images.full, remoteUser: 'dev' }),
            workspaceId: spec.id,
            refresh: true,
          },
          new Recorder(),
          signal,
        ),
      ))

    it('create, of one that replaces', () =>
      atEach(
        (signal) => driver.create(spec, { replace: true }, new Recorder(), signal),
        () => driver.discard(spec.id, never),
      ))

    it.each(['commit', 'discard'] as const)('%s', async (verb) => {
      await atEach(async (signal) => {
        await driver.create(spec, { replace: true }, new Recorder(), never)
        try {
          await driver[verb](spec.id, signal)
        } finally {
          await driver.discard(spec.id, never)
        }
      })
      const watcher = new Watcher(driver)
      await watcher.until(() => watcher.workspaces.has(spec.id), 'the workspace')
      expect(watcher.workspaces.get(spec.id)).toMatchObject({ complete: true, replacing: false })
      await watcher.stop()
    })

    it('start', () =>
      atEach(async (signal) => {
        await driver.stop(spec.id, { grace: 1_000 }, new Recorder(), never)
        await driver.start(spec.id, new Recorder(), signal)
      }))

    it('stop', () =>
      atEach(async (signal) => {
        await driver.start(spec.id, new Recorder(), never)
        await driver.stop(spec.id, { grace: 1_000 }, new Recorder(), signal)
      }))

    it('stop, and what is started after that stays', async () => {
      for (const moment of [2, 8, 14, 20]) {
        const controller = new AbortController()
        const stopped = driver.stop(spec.id, { grace: 1_000 }, new Recorder(), controller.signal)
        setTimeout(() => controller.abort(), moment)
        await stopped.catch(() => undefined)
        await driver.start(spec.id, new Recorder(), never)
        const { stdout } = await run(driver, spec.id, sh('sleep 0.2; echo here'))
        expect(stdout).toBe('here\n')
      }
    })

    it('remove', async () => {
      const others: string[] = []
      await atEach(async (signal) => {
        const other = await specOf(driver, harness.images.small)
        others.push(other.id)
        await driver.create(other, { replace: false }, new Recorder(), never)
        await driver.commit(other.id, never)
        await driver.remove(other.id, new Recorder(), signal)
      })
      for (const id of others) await driver.remove(id, new Recorder(), never)
      expect(await harness.leftovers(...others)).toEqual([])
    })

    it('rename', () => atEach((signal) => driver.rename(spec.id, spec.name, signal)))

    it('exec, and nothing of it runs on', async () => {
      for (let seconds = 65_432, isGone = false; !isGone; seconds++) {
        await atEach(
          (signal) => driver.exec(spec.id, { command: sh(`exec sleep ${seconds}`) }, signal),
          (process) => process.destroy(),
        )
        // Its driver has ended what it was to end by the time that it is disposed of.
        const inTime = await disposedInTime(driver)
        driver = harness.open()
        const { stdout } = await run(
          driver,
          spec.id,
          sh('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "'),
        )
        isGone = !stdout.includes(`sleep ${seconds}`)
        if (inTime) expect(isGone).toBe(true)
      }
    })

    it('dial', () =>
      atEach(async (signal) => {
        try {
          return await driver.dial(spec.id, 9, signal)
        } catch (error) {
          if (error instanceof ProblemError && error.problem.code === 'port-refused') return undefined
          throw error
        }
      }))

    it('logs, stats and diagnose', async () => {
      await atEach(
        (signal) => driver.logs(spec.id, { follow: true }, signal),
        (logs) => logs.destroy(),
      )
      await atEach((signal) => driver.stats(spec.id, signal))
      await atEach((signal) => driver.diagnose(spec.id, signal))
    })

    it('read and write, running and stopped', async () => {
      for (const stopped of [false, true]) {
        if (stopped) await driver.stop(spec.id, { grace: 1_000 }, new Recorder(), never)
        await atEach(
          (signal) => driver.read(spec.id, '/workspaces/app', signal),
          (stream) => stream.destroy(),
        )
        await atEach((signal) => {
          const tar = pack()
          tar.entry({ name: 'other' }, 'x')
          tar.finalize()
          return driver.write(spec.id, '/workspaces/app', Readable.from(tar), signal)
        })
      }
    })
  })
}
