import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tryCommand } from './command'
import { type PrivateDocker, startPrivateDocker } from './docker'
import { TEST_IMAGES } from './images'

describe('a private engine', () => {
  let engine: PrivateDocker
  beforeAll(async () => {
    engine = await startPrivateDocker()
    await engine.loadImage(TEST_IMAGES.scratch)
  })
  afterAll(() => engine.dispose())

  it('runs containers, and keeps them over a crash and a restart', async () => {
    const id = (await engine.docker('run', '-d', '--network=none', TEST_IMAGES.scratch)).trim()
    await engine.kill()
    await expect(engine.docker('ps')).rejects.toThrow(/Cannot connect/)
    await engine.start()
    expect((await engine.docker('ps', '-aq', '--no-trunc')).trim()).toBe(id)
    expect(
      (await engine.docker('exec', id, '/busybox', 'echo', 'again').catch((error) => String(error))).trim(),
    ).toMatch(/again|is not running/)
  })

  it('is apart from the machine’s own', async () => {
    const { stdout } = await tryCommand('docker', ['ps', '-aq', '--no-trunc'])
    for (const id of (await engine.docker('ps', '-aq', '--no-trunc')).trim().split('\n')) {
      expect(stdout).not.toContain(id)
    }
  })

  it('leaves nothing', async () => {
    const folder = dirname(engine.socket)
    await engine.kill()
    await engine.dispose()
    expect(existsSync(folder)).toBe(false)
    const { stdout } = await tryCommand('ps', ['-eo', 'args='])
    expect(stdout).not.toContain(folder)
  })
})
