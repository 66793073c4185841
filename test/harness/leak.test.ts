import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { command } from './command'
import { type PrivateDocker, startPrivateDocker } from './docker'
import { footprint, leaksSince } from './leak'

/** An engine of its own: on that of all tests others make things at the same time. */
let docker: PrivateDocker
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  docker = await startPrivateDocker()
  env = { ...process.env, DOCKER_HOST: docker.host, DOCKER_CONTEXT: undefined }
})
afterAll(() => docker?.dispose())

it('finds nothing where nothing was left', async () => {
  const before = await footprint(env)
  await command('true', [])
  expect(await leaksSince(before, env)).toEqual([])
})

it('finds a volume, a process and a socket', async () => {
  const before = await footprint(env)
  const volume = `berth-test-leak-${process.pid}`
  await command('docker', ['volume', 'create', '--label', 'app.kubernetes.io/managed-by=berth', volume], {
    env,
  })
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    expect(await leaksSince(before, env)).toEqual([
      `volume ${volume}`,
      expect.stringMatching(/^process \d+ sleep 1000$/),
      'descriptor socket',
    ])
  } finally {
    server.close()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await ended
    await command('docker', ['volume', 'rm', volume], { env })
  }
  expect(await leaksSince(before, env)).toEqual([])
})
