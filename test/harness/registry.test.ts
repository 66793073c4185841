import { expect, it } from 'vitest'
import { command, tryCommand } from './command'
import { TEST_IMAGES } from './images'
import { startRegistry } from './registry'

it('serves images that are pushed to it', async () => {
  const registry = await startRegistry()
  try {
    const reference = await registry.push(TEST_IMAGES.scratch, 'tools/still:1')
    await command('docker', ['pull', '--quiet', reference])
    await command('docker', ['rmi', '--no-prune', reference])
    expect((await tryCommand('docker', ['pull', '--quiet', `${reference}0`])).stderr).toContain('not found')
  } finally {
    await registry.dispose()
  }
})

it('asks for a password where told to', async () => {
  const registry = await startRegistry({ password: true })
  try {
    const reference = await registry.push(TEST_IMAGES.scratch, 'still:1')
    expect((await tryCommand('docker', ['pull', '--quiet', reference])).stderr).toContain(
      'no basic auth credentials',
    )
  } finally {
    await registry.dispose()
  }
})
