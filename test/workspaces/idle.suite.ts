import { afterEach, describe, expect, it } from 'vitest'
import type { EventPayload, Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import { TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from '../ports/engine'

/** The shortest time there is: what happens after it is waited for. */
const MINUTE = { minutes: 1, whileClosed: false }
const LIMIT = 180_000

export interface IdleTarget {
  /** The engine's environment. */
  readonly env: () => Readonly<Record<string, string>>
  readonly kind: 'docker' | 'kubernetes'
  /** By another program than Berth: whether anything of a workspace runs that a person has started. */
  readonly hasEnded: (workspace: Workspace) => Promise<boolean>
  /** What the target still keeps running of it. */
  readonly remains: (workspace: Workspace) => Promise<number>
}

/** A workspace in which nobody does anything: on any target. */
export function testIdle({ env, kind, hasEnded, remains }: IdleTarget): void {
  const engines: TestEngine[] = []
  const open = async () => {
    const engine = await startEngine(env())
    engines.push(engine)
    return engine
  }
  const make = (engine: TestEngine, idle: Workspace['idle']) => {
    const target = engine.engine.collections.targets.list().find((one) => one.kind === kind)
    return engine.create({
      source: { kind: 'image', image: TEST_IMAGES.debian },
      targetId: target?.id ?? '',
      idle: idle ?? null,
    })
  }
  const until = (engine: TestEngine, id: string, predicate: (now: Workspace) => boolean) =>
    waitFor(
      engine.engine.collections.workspaces,
      id,
      (now) => now !== undefined && predicate(now),
      AbortSignal.timeout(LIMIT),
    )
  const activityOf = (engine: TestEngine, id: string) => engine.engine.collections.activities.get(id)

  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.dispose()
  })

  describe('a workspace in which nobody does anything', () => {
    it('is stopped after a warning, says why to everybody, and has its policy after it was started again', async () => {
      const test = await open()
      const warnings: EventPayload<'workspace.idle'>[] = []
      test.engine.onEvent((name, payload) => {
        if (name === 'workspace.idle') warnings.push(payload as EventPayload<'workspace.idle'>)
      })
      const { id } = await make(test, MINUTE)
      expect(test.engine.collections.workspaces.get(id)?.idle).toEqual(MINUTE)
      const stopped = await until(test, id, ({ state }) => state === 'stopped')
      expect(stopped?.reason).toMatch(/^Stopped by Berth after 1 minute without activity; last: \w/)
      expect(warnings).toMatchObject([{ workspaceId: id, minutesLeft: 1 }])
      expect(await hasEnded(stopped as Workspace)).toBe(true)

      const other = await open()
      const seen = await until(other, id, ({ lastStop }) => lastStop !== undefined)
      expect(seen).toMatchObject({ state: 'stopped', reason: stopped?.reason, idle: MINUTE })

      await test.act('start', id)
      const again = await until(test, id, ({ lastStop, state }) => state === 'running' && !lastStop)
      expect(again?.idle).toEqual(MINUTE)
      await test.engine.call('workspaces.keep', { workspaceId: id, hours: 4 })
      await expect
        .poll(() => (activityOf(test, id)?.stopsAt ?? 0) - Date.now())
        .toBeGreaterThan(3.9 * 3_600_000)
      await test.engine.call('workspaces.idle', { workspaceId: id, policy: null })
      await expect.poll(() => activityOf(test, id)?.stopsAt).toBeUndefined()
    })

    it('ends itself while no Berth is open, if its owner consents, and stays ended', async () => {
      const first = await open()
      const { id } = await make(first, { ...MINUTE, whileClosed: true })
      const { activity } = first.engine.links.get(id)
      await expect.poll(() => activity.isArmed).toBe(true)
      expect(activity.cannotEnd).toBeUndefined()
      await first.background(id, 'trap "echo ended politely > ~/word; exit" TERM; while :; do sleep 1; done')
      const workspace = await until(first, id, () => true)
      await first.leave()
      engines.splice(engines.indexOf(first), 1)
      await expect.poll(() => hasEnded(workspace as Workspace), { timeout: LIMIT }).toBe(true)

      // Who only looks changes nothing.
      const test = await open()
      const seen = await until(test, id, ({ state }) => state === 'stopped')
      if (kind === 'kubernetes') expect(seen?.reason).toMatch(/^Stopped by Berth after 1 minute/)
      expect(await remains(seen as Workspace)).toBe(kind === 'kubernetes' ? 1 : 0)
      const stopped = test.engine.links.get(id).exec({ command: ['true'] })
      await expect(stopped).rejects.toMatchObject({ problem: { code: 'workspace-not-running' } })

      test.follow(id)
      const told = await until(test, id, ({ lastStop }) => lastStop !== undefined)
      expect(told?.reason).toMatch(/^Stopped by Berth after 1 minute without activity; last: \w/)
      await expect.poll(() => remains(told as Workspace)).toBe(0)

      await until(test, id, ({ state }) => state === 'stopped')
      await test.act('start', id)
      await until(test, id, ({ state }) => state === 'running')
      expect(await test.run(id, 'sh', '-c', 'cat ~/word')).toBe('ended politely\n')
      await test.act('delete', id)
    })
  })
}
