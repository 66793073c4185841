import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '#contract'
import type { Driver } from '../../main/engine/drivers/driver'
import { type DriverHarness, makeWorkspace, never, Recorder, run, sh, untilSo } from './harness'

const service = (name: string, image: string, fields: Partial<Service> = {}): Service => ({
  ...{ name, image, env: {}, mounts: [], ports: [], aliases: [], dependsOn: [], restart: 'always' },
  ...fields,
})

/** Commands in the containers beside a workspace's own. All tests share one workspace. */
export function serviceExecConformance(harness: DriverHarness): void {
  describe('exec in services', () => {
    const { full, small, bare } = harness.images
    const stays = 'trap "exit 0" TERM; sleep 86400 & wait $!'
    let driver: Driver
    let id: string

    beforeAll(async () => {
      driver = harness.open()
      const services = [
        service('tools', full, {
          command: sh(stays),
          env: { OF_TOOLS: 'yes' },
          user: 'dev',
          mounts: [{ type: 'volume', source: 'shared', target: '/shared' }],
        }),
        service('bare', bare),
        service('done', small, { entrypoint: ['/bin/sh', '-c'], command: ['true'], restart: 'never' }),
      ]
      const dependsOn = [
        { service: 'tools', condition: 'started' as const },
        { service: 'bare', condition: 'started' as const },
        { service: 'done', condition: 'completed' as const },
      ]
      const mounts = [{ type: 'volume' as const, source: 'shared', target: '/shared', ofWorkspace: true }]
      id = (await makeWorkspace(driver, small, { definition: { services, dependsOn, mounts } })).id
    })

    afterAll(async () => {
      await driver.remove(id, new Recorder(), never)
      await driver.dispose()
      expect(await harness.leftovers(id)).toEqual([])
    })

    const inTools = { service: 'tools' }

    it('has its user, its variables and its programs, and what is asked for besides', async () => {
      const script =
        'id -un; printf "%s|%s|" "$OF_TOOLS" "$ODD"; pwd; command -v python3; cat; echo no >&2; exit 7'
      const odd = `a b'c"d$e\nü`
      const options = { ...inTools, cwd: '/tmp', env: { ODD: odd }, input: 'typed\n' }
      expect(await run(driver, id, sh(script), options)).toEqual({
        code: 7,
        stdout: `dev\nyes|${odd}|/tmp\n/usr/bin/python3\ntyped\n`,
        stderr: 'no\n',
      })
      // The workspace's own container is another one.
      expect((await run(driver, id, sh('printf "%s|" "$OF_TOOLS"; command -v python3'))).stdout).toBe('|')
    })

    it('has a terminal of the size that it is given', async () => {
      const process = await driver.exec(
        id,
        {
          ...inTools,
          command: sh(
            'until [ "$(stty size)" = "31 91" ]; do sleep 0.1; done; echo first; until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done; tty',
          ),
          tty: { columns: 91, rows: 31 },
        },
        never,
      )
      let text = ''
      process.stdout.on('data', (chunk) => {
        text += String(chunk)
      })
      await untilSo(() => text.includes('first'))
      await process.resize(120, 40)
      expect((await process.exit).code).toBe(0)
      expect(text).toContain('/dev/pts/')
    })

    it('takes signals, and is ended with who gives it up', async () => {
      const sleeps = async (seconds: string) =>
        (await run(driver, id, ['pgrep', '-f', `^sleep ${seconds}$`], inTools)).code === 0
      const killed = await driver.exec(id, { ...inTools, command: ['sleep', '54321'] }, never)
      await untilSo(() => sleeps('54321'))
      await killed.kill('SIGTERM')
      expect((await killed.exit).code).toBe(143)
      const dropped = await driver.exec(id, { ...inTools, command: ['sleep', '54322'] }, never)
      await untilSo(() => sleeps('54322'))
      dropped.destroy()
      await untilSo(async () => !(await sleeps('54322')))
    })

    it('does without a shell what can be done without one', async () => {
      const { code, stdout } = await run(driver, id, ['/busybox', 'echo', 'here'], { service: 'bare' })
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'here\n' })
    })

    it('says that there is none of this name, and that one does not run', async () => {
      const refused = (name: string) => run(driver, id, ['true'], { service: name })
      await expect(refused('nginx')).rejects.toMatchObject({
        problem: {
          code: 'not-found',
          title: '"true" could not be started',
          cause: 'The workspace has no service nginx. It has tools, bare, done.',
        },
      })
      await expect(refused('done')).rejects.toMatchObject({
        problem: {
          code: 'service-not-running',
          cause: 'The service done does not run: Done (exit 0).',
          remedy: expect.stringContaining('Restarting the workspace'),
        },
      })
    })
  })
}
