import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver } from '../../main/engine/drivers/driver'
import { type DriverHarness, makeWorkspace, never, Recorder, Watcher } from './harness'

export function watchConformance(harness: DriverHarness): void {
  describe('watch', () => {
    let driver: Driver
    beforeAll(() => {
      driver = harness.open()
    })
    afterAll(() => driver.dispose())

    it('begins with a snapshot, and tells every change', async () => {
      const watcher = new Watcher(driver)
      await watcher.until(() => watcher.events.length > 0, 'a snapshot')
      expect(watcher.events[0]?.type).toBe('snapshot')
      const { id } = await makeWorkspace(driver, harness.images.small)
      const of = () => watcher.workspaces.get(id)
      await watcher.until(() => of()?.run === 'running' && of()?.complete === true, 'running')
      const instance = of()?.instance ?? ''
      const first = of()?.incarnation

      const stopping = harness.outside.stop(instance)
      await stopping
      await watcher.until(() => of()?.run === 'stopped', 'stopped by hand')
      expect(of()?.incarnation).toBeUndefined()
      expect(of()?.reason).not.toBe('')
      await driver.start(id, new Recorder(), never)
      await watcher.until(() => of()?.run === 'running', 'running again')
      expect(of()?.incarnation).not.toBe(first)
      await driver.rename(id, `w-${id}`, never)
      await watcher.until(() => of()?.name === `w-${id}`, 'renamed')
      await harness.outside.remove(of()?.instance ?? '')
      await watcher.until(() => of()?.run === 'missing', 'missing')
      await driver.remove(id, new Recorder(), never)
      await watcher.until(() => of() === undefined, 'removed')
      expect(watcher.events.filter((event) => event.type === 'unreachable')).toEqual([])
      await watcher.stop()
      expect(await harness.leftovers(id)).toEqual([])
    })

    it('ends at once when it is aborted, before and after it began', async () => {
      const watcher = new Watcher(driver)
      await watcher.stop()
      const other = new Watcher(driver)
      await other.until(() => other.events.length > 0, 'a snapshot')
      await other.stop()
    })

    it('misses nothing of what happens while it begins', async () => {
      const ids: string[] = []
      const watchers: Watcher[] = []
      for (let round = 0; round < 4; round++) {
        watchers.push(new Watcher(driver))
        ids.push((await makeWorkspace(driver, harness.images.small)).id)
      }
      for (const watcher of watchers) {
        for (const id of ids) {
          await watcher.until(() => watcher.workspaces.get(id)?.run === 'running', 'running')
        }
      }
      await Promise.all(ids.map((id) => driver.remove(id, new Recorder(), never)))
      for (const watcher of watchers) {
        for (const id of ids) await watcher.until(() => !watcher.workspaces.has(id), 'removed')
        await watcher.stop()
      }
    })
  })
}
