import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HealthCheck, Service } from '#contract'
import type { Driver, WorkspaceSpec } from '../../main/engine/drivers/driver'
import {
  collect,
  type DriverHarness,
  makeWorkspace,
  never,
  Recorder,
  run,
  sh,
  specOf,
  untilSo,
  Watcher,
} from './harness'

const health = (script: string): HealthCheck => ({
  command: sh(script),
  interval: 1_000,
  timeout: 5_000,
  retries: 3,
  startPeriod: 60_000,
})

const service = (name: string, image: string, fields: Partial<Service>): Service => ({
  name,
  image,
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'always',
  ...fields,
})

/** Containers beside a workspace's own, which are the same on every kind of target. */
export function servicesConformance(harness: DriverHarness): void {
  describe('services', () => {
    const { full, small } = harness.images
    let driver: Driver
    const made = new Set<string>()
    const track = (spec: WorkspaceSpec) => {
      made.add(spec.id)
      return spec
    }

    beforeAll(() => {
      driver = harness.open()
    })
    afterEach(async () => {
      for (const id of made) {
        await driver.remove(id, new Recorder(), never)
        expect(await harness.leftovers(id)).toEqual([])
      }
      made.clear()
    })
    afterAll(() => driver.dispose())

    /** Shared, and gone with a stop. */
    const passing = (target: string) =>
      ({ type: 'tmpfs', source: 'passing', target, size: 1024 ** 2 }) as const

    /** A server of files that takes its time, and one that asks it for one as soon as it is well. */
    const pair = () => {
      const store = service('store', full, {
        aliases: ['files.example'],
        entrypoint: ['/bin/sh', '-c'],
        command: [
          'trap "exit 0" TERM; echo "$WORD $SECRET" > /data/word; echo store > /seen/store; sleep 1; python3 -m http.server 7080 --directory /data & wait $!',
        ],
        env: { WORD: 'a$(b) $$c', SECRET: '$' + '{localEnv:BERTH_CONFORMANCE_SECRET}' },
        mounts: [{ type: 'volume', source: 'files', target: '/data' }, passing('/seen')],
        ports: [7080],
        health: health(
          'wget -qO- http://localhost:7080/ || python3 -c "import urllib.request as u; u.urlopen(\'http://localhost:7080/\')"',
        ),
      })
      const asks = service('asks', small, {
        command: sh(
          'wget -qO /shared/got http://store:7080/word || echo refused > /shared/got; echo asked; trap "exit 0" TERM; sleep 86400 & wait $!',
        ),
        mounts: [{ type: 'volume', source: 'shared', target: '/shared' }],
        dependsOn: [{ service: 'store', condition: 'healthy' }],
      })
      return {
        services: [asks, store],
        mounts: [
          { type: 'volume' as const, source: 'shared', target: '/shared', ofWorkspace: true },
          { type: 'volume' as const, source: 'files', target: '/files', ofWorkspace: true },
          passing('/passing'),
        ],
      }
    }

    it('start in the order of what they need, and share network, names and volumes with the workspace', async () => {
      process.env.BERTH_CONFORMANCE_SECRET = 'hush'
      const watcher = new Watcher(driver)
      try {
        const spec = track(await makeWorkspace(driver, full, { definition: pair() }))
        const states = () =>
          watcher.workspaces.get(spec.id)?.services?.map(({ name, state }) => `${name} ${state}`)
        await watcher.until(() => states()?.join() === 'asks running,store healthy', 'both services')
        const ask = (address: string) =>
          run(driver, spec.id, [
            'python3',
            '-c',
            `import urllib.request as u; print(u.urlopen('http://${address}/word').read().decode(), end='')`,
          ])
        for (const address of ['localhost:7080', 'store:7080', 'files.example:7080']) {
          expect(await ask(address)).toEqual({
            code: 0,
            stdout: expect.stringMatching(/^a\$\(b\) \$\$c /),
            stderr: '',
          })
        }
        await untilSo(async () => (await run(driver, spec.id, sh('cat /shared/got'))).stdout.endsWith('\n'))
        expect((await run(driver, spec.id, sh('cat /shared/got'))).stdout).toMatch(/^a\$\(b\) \$\$c /)

        const socket = await driver.dial(spec.id, 7080, never)
        socket.end('GET /word HTTP/1.0\r\n\r\n')
        expect(String(await collect(socket as never))).toContain('a$(b)')

        const asked = async () => {
          const log = await driver.logs(spec.id, { follow: false, service: 'asks' }, never)
          const [stdout] = await Promise.all([collect(log.stdout), collect(log.stderr)])
          return String(stdout)
        }
        // It says so after it has got the file.
        await untilSo(async () => (await asked()).endsWith('\n'))
        expect(await asked()).toBe('asked\n')

        await run(driver, spec.id, sh('echo kept > /files/kept; echo gone > /passing/gone'))
        await driver.stop(spec.id, { grace: 10_000 }, new Recorder(), never)
        await watcher.until(
          () =>
            watcher.workspaces
              .get(spec.id)
              ?.services?.every(({ state }) => state === 'stopped' || state === 'ended') === true,
          'services that have stopped',
        )
        await driver.start(spec.id, new Recorder(), never)
        await watcher.until(() => states()?.join() === 'asks running,store healthy', 'both services again')
        expect((await run(driver, spec.id, sh('cat /files/kept; ls /passing'))).stdout).toBe('kept\nstore\n')
      } finally {
        await watcher.stop()
        delete process.env.BERTH_CONFORMANCE_SECRET
      }
    })

    it('are replaced with the workspace, come back with it, and keep their data', async () => {
      const one = (word: string) => ({
        services: [
          service('store', full, {
            command: sh(
              `trap "exit 0" TERM; [ -e /data/first ] || echo ${word} > /data/first; echo ${word} > /data/latest; sleep 86400 & wait $!`,
            ),
            mounts: [{ type: 'volume', source: 'files', target: '/data' }],
            health: health(`grep -q ${word} /data/latest`),
          }),
        ],
        mounts: [{ type: 'volume' as const, source: 'files', target: '/files', ofWorkspace: true }],
      })
      const spec = track(await makeWorkspace(driver, small, { definition: one('old') }))
      const again = await specOf(driver, small, { id: spec.id, name: spec.name, definition: one('new') })
      const words = async () => (await run(driver, spec.id, sh('cat /files/first /files/latest'))).stdout
      // A service that has started writes them a moment later: nothing waits for it to be well.
      const expectWords = (said: string) => expect.poll(words).toBe(said)
      await expectWords('old\nold\n')
      await driver.create(again, { replace: true }, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      await expectWords('old\nnew\n')
      await driver.discard(spec.id, never)
      await driver.start(spec.id, new Recorder(), never)
      await expectWords('old\nold\n')
      await driver.create(again, { replace: true }, new Recorder(), never)
      await driver.start(spec.id, new Recorder(), never)
      await driver.commit(spec.id, never)
      await expectWords('old\nnew\n')
    })

    it('do their work once in each start where that ends, and are made as the definition says', async () => {
      const once = (name: string, script: string, fields: Partial<Service> = {}) =>
        service(name, small, {
          entrypoint: ['/bin/sh', '-c'],
          command: [`echo ${name} >> /shared/ran; ${script}`],
          mounts: [{ type: 'volume', source: 'shared', target: '/shared' }],
          restart: 'never',
          ...fields,
        })
      const stays = 'trap "exit 0" TERM; sleep 86400 & wait $!'
      const told =
        '(grep CapEff /proc/self/status; df -k /dev/shm | tail -1; touch /new 2>&1) > /shared/base; '
      const services = [
        once('keys', 'true'),
        once('base', `${told}${stays}`, {
          restart: 'always',
          dependsOn: [{ service: 'keys', condition: 'completed' }],
          container: {
            capabilitiesDropped: ['ALL'],
            shmSize: 32 * 1024 ** 2,
            memory: 64 * 1024 ** 2,
            memoryReserved: 16 * 1024 ** 2,
            cpus: 0.5,
            readOnly: true,
          },
        }),
        once('migrate', 'echo migrated', { dependsOn: [{ service: 'base', condition: 'started' }] }),
        once('web', `cp /shared/ran /shared/seen; ${stays}`, {
          ports: [80],
          dependsOn: [{ service: 'migrate', condition: 'completed' }],
        }),
        once('bad', 'echo "no such bucket" >&2; exit 3', {
          dependsOn: [{ service: 'base', condition: 'started' }],
        }),
      ]
      const mounts = [{ type: 'volume' as const, source: 'shared', target: '/shared', ofWorkspace: true }]
      const right = (value: string) => ({ kind: 'capability' as const, value, service: 'base' })
      const rights = [right('SYS_PTRACE'), right('SYS_ADMIN')]
      const allowed = rights.slice(0, 1)
      const watcher = new Watcher(driver)
      try {
        const spec = track(
          await makeWorkspace(driver, small, {
            definition: { services, mounts, container: { rights, allowed } },
          }),
        )
        const settled = () =>
          watcher.until(
            () =>
              watcher.workspaces
                .get(spec.id)
                ?.services?.map(({ name, state, reason }) => `${name} ${state}: ${reason}`)
                .join('\n') ===
              [
                'keys ended: Done (exit 0)',
                'base running: Running',
                'migrate ended: Done (exit 0)',
                'web running: Running',
                'bad failed: It ended with code 3',
              ].join('\n'),
            'services that are done',
          )
        const read = async (file: string) => (await run(driver, spec.id, sh(`cat /shared/${file}`))).stdout
        await settled()
        await untilSo(async () => (await read('seen')).includes('migrate'))
        expect((await read('ran')).split('\n')[0]).toBe('keys')
        const base = await read('base')
        expect(base).toMatch(/CapEff:\s0000000000080000/)
        expect(base).toMatch(/Read-only file system/)
        const log = await driver.logs(spec.id, { follow: false, service: 'bad' }, never)
        const said = await Promise.all([collect(log.stdout), collect(log.stderr)])
        expect(said.map(String).join('')).toContain('no such bucket')

        await driver.stop(spec.id, { grace: 10_000 }, new Recorder(), never)
        await driver.start(spec.id, new Recorder(), never)
        await settled()
        const ran = async () => (await read('ran')).trim().split('\n').sort().join()
        const twice = ['bad', 'base', 'keys', 'migrate', 'web'].flatMap((name) => [name, name]).join()
        await untilSo(async () => (await ran()) === twice)
      } finally {
        await watcher.stop()
      }
    })

    it('fail the start where they must be well and cannot, and say what they said', async () => {
      const bad = service('bad', small, {
        command: sh('echo "no such table" >&2; exit 3'),
        health: health('false'),
        restart: 'never',
      })
      const needs = { services: [bad], dependsOn: [{ service: 'bad', condition: 'healthy' as const }] }
      const spec = track(await specOf(driver, small, { definition: needs }))
      await driver.create(spec, { replace: false }, new Recorder(), never)
      const failed = driver.start(spec.id, new Recorder(), never)
      await expect(failed).rejects.toMatchObject({
        problem: {
          code: 'service-failed',
          title: 'The service bad did not come up',
          cause: 'It ended with code 3.',
          detail: expect.stringContaining('no such table'),
        },
      })
    })
  })
}
