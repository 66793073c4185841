import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { command } from './command'
import { footprint, leaksSince } from './leak'

it('finds nothing where nothing was left', async () => {
  const before = await footprint()
  await command('true', [])
  expect(await leaksSince(before)).toEqual([])
})

it('finds a volume, a process and a socket', async () => {
  const before = await footprint()
  const volume = `berth-test-leak-${process.pid}`
  await command('docker', ['volume', 'create', '--label', 'app.kubernetes.io/managed-by=berth', volume])
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    expect(await leaksSince(before)).toEqual([
      `volume ${volume}`,
      expect.stringMatching(/^process \d+ sleep 1000$/),
      'descriptor socket',
    ])
  } finally {
    server.close()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await ended
    await command('docker', ['volume', 'rm', volume])
  }
  expect(await leaksSince(before)).toEqual([])
})
