import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import {
  type DriverHarness,
  definitionOf,
  eachOf,
  never,
  newId,
  Recorder,
  run,
  sh,
  specOf,
  Watcher,
} from './harness'

const LISTED = 200
const STARTED = 30
/** Milliseconds in which all of them are to be seen: one is looked at after the other. */
const LIMIT = 300_000
/** What the target is asked for at a time. */
const AT_ONCE = 6

/** Workspaces in numbers, and what people call things. */
export function manyConformance(harness: DriverHarness): void {
  describe('many workspaces', () => {
    let driver: Driver
    beforeAll(() => {
      driver = harness.open()
    })
    afterAll(() => driver.dispose())

    it(`lists ${LISTED}, starts and deletes ${STARTED} of them, and leaves nothing`, {
      timeout: 900_000,
    }, async () => {
      const model = await specOf(driver, harness.images.small)
      const specs = Array.from({ length: LISTED }, (_, number): WorkspaceSpec => {
        const id = newId()
        // 40 characters, as long as a name may be.
        const name = `${id}-${String(number).padStart(3, '0')}-abcdefghijklmnopqrstuvwxy`
        return { ...model, id, name, owner: `Jörg ${number} 名前 🚀` }
      })
      const ids = specs.map(({ id }) => id)
      const early = new Watcher(driver)
      try {
        await eachOf(specs, AT_ONCE, async (spec) => {
          await driver.create(spec, { replace: false }, new Recorder(), never)
          await driver.commit(spec.id, never)
        })
        const late = new Watcher(driver)
        for (const watcher of [early, late]) {
          await watcher.until(
            () => ids.every((id) => watcher.workspaces.get(id)?.complete),
            `all ${LISTED}`,
            LIMIT,
          )
          for (const spec of specs) {
            expect(watcher.workspaces.get(spec.id)).toMatchObject({
              name: spec.name,
              owner: spec.owner,
              run: 'stopped',
            })
          }
        }
        await late.stop()

        const started = ids.slice(0, STARTED)
        const said = await eachOf(started, AT_ONCE, async (id) => {
          await driver.start(id, new Recorder(), never)
          const { stdout } = await run(driver, id, sh(`echo ${id}`))
          await driver.remove(id, new Recorder(), never)
          return stdout.trim()
        })
        expect(said).toEqual(started)
        await early.until(() => started.every((id) => !early.workspaces.has(id)), 'their end')
        expect(await harness.leftovers(...started)).toEqual([])
        // Nothing but them.
        expect(ids.filter((id) => early.workspaces.has(id))).toEqual(ids.slice(STARTED))
      } finally {
        await eachOf(ids, AT_ONCE, (id) => driver.remove(id, new Recorder(), never))
        await early.stop()
      }
      expect(await harness.leftovers(...ids)).toEqual([])
    })

    it('keeps what people call things, in whatever script and as long as it may be', async () => {
      const title = `${'Ünïcödé – 名前 – עברית – 🚀'.repeat(20)} "quoted" 'too' $HOME \`x\` \\ {{.}}`
      const image = harness.images.small
      const spec: WorkspaceSpec = {
        ...(await specOf(driver, image)),
        name: `n${newId()}-${'x'.repeat(28)}`,
        owner: `Jörg & Zoë <${'名'.repeat(60)}>`,
        source: {
          kind: 'git',
          url: 'https://host.example/größe/名前.git',
          ref: { kind: 'branch', name: 'feature/ü-🚀' },
        },
        definition: definitionOf({
          image,
          title,
          workspaceFolder: '/workspaces/Größe 名前 🚀',
          containerEnv: { NAME: title },
        }),
      }
      expect(spec.name).toHaveLength(40)
      const watcher = new Watcher(driver)
      try {
        await driver.create(spec, { replace: false }, new Recorder(), never)
        await driver.commit(spec.id, never)
        await driver.start(spec.id, new Recorder(), never)
        await watcher.until(() => watcher.workspaces.get(spec.id)?.run === 'running', 'running')
        const { name, owner, source, definition } = spec
        expect(watcher.workspaces.get(spec.id)).toMatchObject({ name, owner, source, definition })
        const long = '名'.repeat(85)
        const { stdout, code } = await run(
          driver,
          spec.id,
          sh(`printf %s "$NAME"; : > "$PWD/${long}" && test -e "$PWD/${long}"`),
          { cwd: definition.workspaceFolder, env: { ODD: long } },
        )
        expect({ stdout, code }).toEqual({ stdout: title, code: 0 })
      } finally {
        await driver.remove(spec.id, new Recorder(), never)
        await watcher.stop()
      }
      expect(await harness.leftovers(spec.id)).toEqual([])
    })
  })
}
