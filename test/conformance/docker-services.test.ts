import { afterAll, expect, it } from 'vitest'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { dockerHarness } from './docker-harness'
import { makeWorkspace, never, Recorder, run, untilSo, Watcher } from './harness'

const harness = dockerHarness()
afterAll(() => harness.dispose())

it('services of a workspace that was stopped and started by hand lose no network, and do not outrun it', async () => {
  const driver = harness.open()
  const watcher = new Watcher(driver)
  const server = ['python3', '-m', 'http.server', '7090', '--bind', '127.0.0.1']
  const spec = await makeWorkspace(driver, TEST_IMAGES.debian, {
    definition: {
      services: [
        {
          name: 'web',
          image: TEST_IMAGES.debian,
          entrypoint: ['/bin/sh', '-c'],
          command: [`trap "exit 0" TERM; ${server.join(' ')} & wait $!`],
          env: {},
          mounts: [],
          ports: [7090],
          aliases: [],
          dependsOn: [],
          restart: 'always',
        },
      ],
    },
  })
  try {
    const state = () => watcher.workspaces.get(spec.id)?.services?.[0]?.state
    const ask = "import urllib.request as u; u.urlopen('http://web:7090/').read()"
    const reached = async () => (await run(driver, spec.id, ['python3', '-c', ask])).code === 0
    await watcher.until(() => state() === 'running', 'the service')
    await untilSo(reached)
    const { instance = '' } = watcher.workspaces.get(spec.id) ?? {}

    // Its network is a new one now, in which the service is not.
    await command('docker', ['restart', '-t', '1', instance])
    await untilSo(reached)

    const stopByHand = async () => {
      await command('docker', ['stop', '-t', '1', instance])
      await watcher.until(() => state() === 'stopped' || state() === 'ended', 'the service to be stopped')
    }
    await stopByHand()
    await command('docker', ['start', instance])
    await untilSo(reached)

    await stopByHand()
    await driver.start(spec.id, new Recorder(), never)
    await untilSo(reached)
  } finally {
    await driver.remove(spec.id, new Recorder(), never)
    await watcher.stop()
    await driver.dispose()
  }
  expect(await harness.leftovers(spec.id)).toEqual([])
})
