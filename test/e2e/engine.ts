import { chmod } from 'node:fs/promises'
import { dirname } from 'node:path'
import { command } from '../harness/command'
import { type PrivateDocker, startPrivateDocker } from '../harness/docker'
import { TEST_IMAGES, type TestImage } from '../harness/images'
import { berthObjects } from '../harness/leak'

export interface WindowDocker extends PrivateDocker {
  /** The environment with which everything on this machine finds this engine and no other. */
  readonly env: Readonly<Record<string, string>>
  /** Names of the containers, volumes and networks that Berth has on it. */
  objects(): Promise<string[]>
}

/** An engine for one window alone, which its user may use: what is on it is what the window has made. */
export async function startWindowDocker(images: readonly TestImage[] = ['debian']): Promise<WindowDocker> {
  const docker = await startPrivateDocker()
  try {
    const open = async () => {
      await chmod(dirname(docker.socket), 0o711)
      await command('chmod', ['666', docker.socket])
    }
    await open()
    for (const image of images) await docker.loadImage(TEST_IMAGES[image])
    const env = { DOCKER_HOST: docker.host }
    return {
      ...docker,
      env,
      objects: () => berthObjects({ ...process.env, ...env }),
      start: async () => {
        await docker.start()
        await open()
      },
    }
  } catch (error) {
    await docker.dispose()
    throw error
  }
}
