import { describe } from 'vitest'
import { CuttingProxy } from '../harness/cutting-proxy'
import { startPrivateDocker } from '../harness/docker'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { survivals } from './survivals.suite'

describe('on Docker over TCP', () => {
  survivals(async () => {
    await ensureImages(['debian'])
    // Of its own: whoever else uses the machine's engine connects to its workspaces as well.
    const docker = await startPrivateDocker()
    await docker.loadImage(TEST_IMAGES.debian)
    const proxy = await CuttingProxy.start(new URL(docker.host))
    return {
      kind: 'docker',
      env: { DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}` },
      proxy,
      inside: ({ instance = '' }, ...command) => docker.docker('exec', instance, ...command).catch(() => ''),
      async dispose() {
        await proxy.dispose()
        await docker.dispose()
      },
    }
  })
})
