import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, tryCommand } from '../command'
import { staticBusybox } from '../images'
import { type ContainerRuntime, mayLowerScores, pauseCommand, pauseImage } from './container-runtime'
import type { Machine } from './machine'
import type { NodeOptions } from './node'

/**
 * A Docker engine, which kubelets before 1.24 talk to by themselves.
 * @param folder where its files lie
 */
export function dockershim(machine: Machine, folder: string, options: NodeOptions): ContainerRuntime {
  const path = (file: string) => join(folder, file)
  const dockerHost = `unix://${path('docker.sock')}`
  const docker = (...args: string[]) => command('docker', ['--host', dockerHost, ...args])
  return {
    kubelet: {
      settings: {},
      flags: [
        '--container-runtime=docker',
        `--experimental-dockershim-root-directory=${path('dockershim')}`,
        `--pod-infra-container-image=${pauseImage}`,
      ],
    },
    layOut: async () => {
      await writeFile(path('docker.json'), JSON.stringify(await runtimeSettings(path('runtime'))))
    },
    start: async () => {
      await machine.start('dockerd', 'dockerd', [
        `--config-file=${path('docker.json')}`,
        // The usual places, which are the machine's own within its namespaces, are where the kubelet looks.
        '--host=unix:///var/run/docker.sock',
        '--pidfile=/var/run/docker.pid',
        `--host=${dockerHost}`,
        `--data-root=${path('docker')}`,
        `--exec-root=${path('docker-run')}`,
        `--bridge=${options.network.bridge}`,
        // As nodes have it: else a pod has no ::1.
        ...(existsSync('/proc/net/if_inet6') ? ['--ipv6', `--fixed-cidr-v6=${options.network.subnet6}`] : []),
        '--iptables=false',
        '--ip6tables=false',
        '--ip-masq=false',
        `--cgroup-parent=/${options.controlGroup}`,
        '--exec-opt=native.cgroupdriver=cgroupfs',
        '--log-level=warn',
      ])
      await machine.waitFor('dockerd', 'until it answers', async () => {
        const { code } = await tryCommand('docker', ['--host', dockerHost, 'version'])
        return code === 0
      })
      await makePauseImage(path('pause'), docker)
    },
    loadImage: async (name) => {
      await command('bash', [
        ...['-o', 'pipefail', '-c', 'docker save "$1" | docker --host "$2" load'],
        ...['load-image', name, dockerHost],
      ])
    },
  }
}

async function makePauseImage(folder: string, docker: (...args: string[]) => Promise<string>): Promise<void> {
  await mkdir(folder, { recursive: true })
  await copyFile(await staticBusybox(), join(folder, 'busybox'))
  await chmod(join(folder, 'busybox'), 0o755)
  const archive = `${folder}.tar`
  await command('tar', ['--numeric-owner', '-C', folder, '-cf', archive, '.'])
  await docker('import', '--change', `ENTRYPOINT ${JSON.stringify(pauseCommand)}`, archive, pauseImage)
  await rm(archive)
  await rm(folder, { recursive: true })
}

/** Where no score may be lowered, no pod would start: then runc is called through a script that asks for none. */
async function runtimeSettings(script: string): Promise<object> {
  if (await mayLowerScores()) return {}
  await writeFile(
    script,
    `#!/bin/sh
previous=
for argument; do
  if [ "$previous" = --bundle ]; then
    sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$argument/config.json" || exit 1
  fi
  previous=$argument
done
exec runc "$@"
`,
    { mode: 0o755 },
  )
  return { runtimes: { 'berth-test': { path: script } }, 'default-runtime': 'berth-test' }
}
