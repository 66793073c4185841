import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '#contract'
import type { DataVerbs, Driver, NewSnapshot } from '../../main/engine/drivers/driver'
import { type DriverHarness, makeWorkspace, never, Recorder, run, sh, specOf } from './harness'

/** Snapshots of data, on every kind of target. */
export function dataConformance(harness: DriverHarness): void {
  describe('data', () => {
    const { full, small } = harness.images
    let driver: Driver
    let data: DataVerbs
    const made: string[] = []

    beforeAll(() => {
      driver = harness.open()
      if (!driver.data) throw new Error('The driver copies no data')
      data = driver.data
    })
    afterEach(async () => {
      for (const id of made) {
        for (const one of await data.snapshots(never))
          if (one.workspaceId === id) await data.removeSnapshot(id, one.id, never)
        await driver.remove(id, new Recorder(), never)
        expect(await harness.leftovers(id)).toEqual([])
      }
      made.length = 0
    })
    afterAll(() => driver.dispose())

    const keeper: Service = {
      name: 'keeper',
      image: full,
      entrypoint: ['/bin/sh', '-c'],
      command: ['echo began >> /data/beginnings; trap "exit 0" TERM; while :; do sleep 0.2; done'],
      env: {},
      mounts: [{ type: 'volume', source: 'rows', target: '/data' }],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'always',
    }
    /** The workspace sees the data as well. */
    const definition = {
      services: [keeper],
      mounts: [{ type: 'volume', source: 'rows', target: '/seen', ofWorkspace: true }],
    } as const
    const options = { definition: { services: [...definition.services], mounts: [...definition.mounts] } }
    const described = (id: string): NewSnapshot => ({
      id,
      workspaceName: 'conformance',
      name: 'A name with “marks”',
      createdAt: 1_700_000_000_000,
      commit: 'a'.repeat(40),
      branch: 'main',
      volumes: [{ name: 'rows', image: full }],
    })
    const print = async (id: string, script: string) => {
      const { code, stdout } = await run(driver, id, sh(script))
      expect(code).toBe(0)
      return stdout.toString()
    }

    it('are what they were, for as long as they are kept, and what uses the data goes on', async () => {
      const { id } = await makeWorkspace(driver, full, options)
      made.push(id)
      await print(
        id,
        'until [ -s /seen/beginnings ]; do sleep 0.1; done; cd /seen && mkdir -p d && echo one > d/row && ln d/row d/link && ln -s nowhere s && chmod 640 d/row',
      )
      const taken = await data.snapshot(id, described('saaaaaaaaaaa'), new Recorder(), never)
      expect(taken).toMatchObject({
        workspaceId: id,
        branch: 'main',
        volumes: [{ name: 'rows', image: full }],
      })
      expect(taken.volumes[0]?.bytes).toBeGreaterThan(0)
      expect((await data.snapshots(never)).filter((one) => one.workspaceId === id)).toEqual([taken])

      const listing = 'cd /seen && cat d/row d/link && stat -c "%a %h" d/row && readlink s && ls d'
      const before = await print(id, listing)
      await print(id, 'cd /seen && rm -rf d s && echo two > later')
      await data.restore(id, { workspaceId: id, snapshotId: taken.id }, ['rows'], new Recorder(), never)
      expect(await print(id, `${listing}; ls -A`)).toContain(before)
      expect(await print(id, 'ls -A /seen')).toBe('beginnings\nd\ns\n')
      // Once more for each time that it rested; the snapshot has the first only.
      await expect.poll(() => print(id, 'sleep 1; cat /seen/beginnings')).toBe('began\nbegan\n')

      await data.removeSnapshot(id, taken.id, never)
      await data.removeSnapshot(id, taken.id, never)
      await expect(
        data.restore(id, { workspaceId: id, snapshotId: taken.id }, ['rows'], new Recorder(), never),
      ).rejects.toMatchObject({ problem: { code: 'not-found' } })
    })

    it('pass through Berth into a workspace that has not run yet', async () => {
      const { id: from } = await makeWorkspace(driver, full, options)
      made.push(from)
      await print(from, 'cd /seen && echo first > row && ln row link && mkdir "a b" && echo x > "a b/.c"')
      await data.snapshot(from, described('sbbbbbbbbbbb'), new Recorder(), never)

      const spec = await specOf(driver, small, options)
      made.push(spec.id)
      await driver.create(spec, { replace: false }, new Recorder(), never)
      const open = (volume: string) => data.export(from, 'sbbbbbbbbbbb', volume, never)
      await data.import(spec.id, described('sccccccccccc'), open, new Recorder(), never)
      const snapshotId = 'sccccccccccc'
      await data.restore(spec.id, { workspaceId: spec.id, snapshotId }, ['rows'], new Recorder(), never)
      await data.removeSnapshot(spec.id, snapshotId, never)
      await driver.commit(spec.id, never)
      await driver.start(spec.id, new Recorder(), never)
      expect(await print(spec.id, 'cd /seen && cat row "a b/.c" && stat -c %h link')).toBe('first\nx\n2\n')
      // They are apart.
      await print(spec.id, 'echo second > /seen/row')
      expect(await print(from, 'cat /seen/row')).toBe('first\n')
    })

    it('leave nothing where what comes in breaks off, or is given up', async () => {
      const { id } = await makeWorkspace(driver, full, options)
      made.push(id)
      await print(id, 'echo kept > /seen/row')
      const broken = async () => {
        throw Object.assign(new Error('gone'), { code: 'ECONNRESET' })
      }
      await expect(
        data.import(id, described('sddddddddddd'), broken, new Recorder(), never),
      ).rejects.toMatchObject({ problem: { title: expect.any(String) } })
      const controller = new AbortController()
      await expect(
        data.snapshot(
          id,
          described('seeeeeeeeeee'),
          {
            detail: (text) => {
              if (text.startsWith('Copying')) controller.abort()
            },
            progress: () => undefined,
            output: () => undefined,
          },
          controller.signal,
        ),
      ).rejects.toMatchObject({ problem: { code: 'cancelled' } })
      expect((await data.snapshots(never)).filter((one) => one.workspaceId === id)).toEqual([])
      expect(await print(id, 'cat /seen/row')).toBe('kept\n')
      await expect(data.export(id, 'seeeeeeeeeee', 'rows', never)).rejects.toMatchObject({
        problem: { code: 'not-found' },
      })
    })
  })
}
