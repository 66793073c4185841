import { createDockerProvider } from '../../main/engine/drivers/docker'
import type { Driver } from '../../main/engine/drivers/driver'
import type { Platform } from '../../main/engine/platform/platform'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type DriverHarness, testPlatform } from './harness'

/** Opens the driver of one context of an environment; the default one unless named. */
export function openDocker(
  env: Readonly<Record<string, string | undefined>>,
  name = 'default',
): { readonly driver: Driver; readonly home: string; readonly platform: Platform; dispose(): Promise<void> } {
  const { platform, home, dispose } = testPlatform(env)
  const provider = createDockerProvider(platform)
  const driver = provider.open({
    id: `docker:${name}`,
    name,
    endpoint: env.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
    isDefault: true,
  })
  return {
    driver,
    home,
    platform,
    dispose: async () => {
      await driver.dispose()
      dispose()
    },
  }
}

export function dockerHarness(env: Readonly<Record<string, string | undefined>> = {}): DriverHarness {
  const opened: { dispose(): Promise<void> }[] = []
  const run = { env: { ...process.env, ...env } }
  const docker = (...args: string[]) => command('docker', args, run)
  return {
    name: 'docker',
    keepsContainerFiles: true,
    logChannels: 'apart',
    halfClose: true,
    open: () => {
      const one = openDocker(env)
      opened.push(one)
      return one.driver
    },
    images: { full: TEST_IMAGES.debian, small: TEST_IMAGES.alpine, bare: TEST_IMAGES.scratch },
    outside: {
      stop: async (instance) => {
        await docker('stop', '-t', '1', instance)
      },
      remove: async (instance) => {
        await docker('rm', '-f', instance)
      },
    },
    leftovers: async (...ids) => {
      const label = 'berth.dev/workspace'
      const beside = 'berth.dev/service-of'
      const format = (name: string, key = label) => `{{.Label "${key}"}} ${name}`
      const lists = await Promise.all([
        docker('ps', '-a', '--filter', `label=${label}`, '--format', format('{{.Names}}')),
        docker('ps', '-a', '--filter', `label=${beside}`, '--format', format('{{.Names}}', beside)),
        docker('volume', 'ls', '--filter', `label=${label}`, '--format', format('{{.Name}}')),
        // An image may be of several workspaces: it is theirs by its names.
        ...ids.map(async (id) => {
          const names = ['images', '-a', '--filter', `reference=berth/${id}`, '--format']
          return docker(...names, `${id} {{.Repository}}:{{.Tag}}`)
        }),
      ])
      return lists
        .flatMap((list) => list.split('\n'))
        .filter((line) => ids.some((id) => line.startsWith(`${id} `)))
        .map((line) => line.split(' ')[1] ?? '')
    },
    dispose: async () => {
      for (const one of opened) await one.dispose()
    },
  }
}

export { tryCommand }
