import { command } from '../../harness/command'
import { TEST_IMAGES } from '../../harness/images'
import type { Bench } from '../bench'
import { benchName, openEngine } from '../workspace'

/** What a user waits for, from an image that is there. What is made is removed between the measurements. */
export const up: Bench = {
  name: 'up',
  title: 'image-only workspace ready / docker volume create twice, docker run -d, docker exec true',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 1.5 },
  rounds: 11,
  async prepare() {
    const berth = await openEngine()
    const image = TEST_IMAGES.debian
    return {
      async ours() {
        const started = performance.now()
        const workspaceId = await berth.act('workspaces.create', {
          source: { kind: 'image', image },
          name: benchName(),
        })
        const took = performance.now() - started
        await berth.act('workspaces.delete', { workspaceId })
        return took
      },
      async reference() {
        const name = benchName()
        const [source, home] = [`${name}-source`, `${name}-home`]
        const started = performance.now()
        await command('docker', ['volume', 'create', source])
        await command('docker', ['volume', 'create', home])
        const mounts = ['-v', `${source}:/workspaces`, '-v', `${home}:/root`]
        await command('docker', [
          'run',
          '-d',
          '--init',
          '--name',
          name,
          ...mounts,
          image,
          'sleep',
          'infinity',
        ])
        await command('docker', ['exec', name, 'true'])
        const took = performance.now() - started
        await command('docker', ['rm', '-f', name])
        await command('docker', ['volume', 'rm', source, home])
        return took
      },
      dispose: () => berth.dispose(),
    }
  },
}
