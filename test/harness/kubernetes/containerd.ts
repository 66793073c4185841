import { createHash } from 'node:crypto'
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { findNetworkPlugins } from '../../../scripts/setup/kubernetes.mjs'
import { command, tryCommand } from '../command'
import { staticBusybox } from '../images'
import { type ContainerRuntime, mayLowerScores, pauseCommand, pauseImage } from './container-runtime'
import type { Machine } from './machine'
import type { PodNetwork } from './network'
import type { NodeOptions } from './node'

/** As containerd writes the name of an image that has none of a registry in it. */
const fullPauseImage = `docker.io/${pauseImage}:latest`

/**
 * containerd with its CRI plugin, which current kubelets talk to.
 * @param folder where its files lie
 */
export function containerd(machine: Machine, folder: string, options: NodeOptions): ContainerRuntime {
  const path = (file: string) => join(folder, file)
  const socket = path('containerd.sock')
  const ctr = (...args: string[]) => ['--address', socket, '--namespace', 'k8s.io', ...args]
  const load = (archive: string) => command('ctr', ctr('images', 'import', archive))
  return {
    kubelet: {
      settings: {
        containerRuntimeEndpoint: `unix://${socket}`,
        // Machines with version 1 of control groups are none of a current Kubernetes any more, and do for tests.
        failCgroupV1: false,
        // An image that some pod has pulled with a login is all the same there for every other test.
        ...(options.minor >= 35 && { imagePullCredentialsVerificationPolicy: 'NeverVerify' }),
      },
      // Whose numbers are read beside what the interface gives (cAdvisor).
      flags: [`--containerd=${socket}`],
    },
    layOut: async () => {
      await mkdir(path('cni'))
      await writeFile(path('cni/berth.conflist'), JSON.stringify(networkOf(options.network, folder)))
      await writeFile(path('containerd.toml'), await configuration(folder, socket))
    },
    start: async () => {
      await machine.start('containerd', 'containerd', ['--config', path('containerd.toml')])
      await machine.waitFor('containerd', 'until it answers', async () => {
        const { code } = await tryCommand('ctr', ctr('version'))
        return code === 0
      })
      const archive = await makePauseArchive(path('pause'))
      await load(archive)
      await rm(path('pause'), { recursive: true })
    },
    loadImage: async (name) => {
      await command('bash', [
        ...['-o', 'pipefail', '-c', 'name=$1; shift; docker save "$name" | ctr "$@"'],
        ...['load-image', name, ...ctr('images', 'import', '-')],
      ])
    },
  }
}

/** containerd's own format, config.toml version 2; a string of JSON is one of TOML. */
async function configuration(folder: string, socket: string): Promise<string> {
  const plugins = findNetworkPlugins()
  if (!plugins) throw new Error('containernetworking-plugins are not installed')
  const text = (...parts: string[]) => JSON.stringify(join(folder, ...parts))
  return `version = 2
root = ${text('containerd')}
state = ${text('containerd-run')}
disabled_plugins = [
  "io.containerd.internal.v1.restart",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[debug]
level = "warn"

[grpc]
address = ${JSON.stringify(socket)}

[plugins."io.containerd.internal.v1.opt"]
path = ${text('containerd-opt')}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = ${JSON.stringify(fullPauseImage)}
restrict_oom_score_adj = ${!(await mayLowerScores())}

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = ${JSON.stringify(plugins)}
conf_dir = ${text('cni')}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
`
}

/** A network for CNI plugins: pods on the bridge that is there, the machine's address as their way out. */
function networkOf({ bridge, subnet, address }: PodNetwork, folder: string): object {
  return {
    cniVersion: '0.4.0',
    name: bridge,
    plugins: [
      {
        type: 'bridge',
        bridge,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet, gateway: address }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(folder, 'cni-addresses'),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

/** The pause image as `docker save` would write it, made without an engine. @returns the archive's path */
async function makePauseArchive(folder: string): Promise<string> {
  const path = (file: string) => join(folder, file)
  await mkdir(path('root'), { recursive: true })
  await mkdir(path('image'))
  await copyFile(await staticBusybox(), path('root/busybox'))
  await chmod(path('root/busybox'), 0o755)
  await command('tar', ['--numeric-owner', '-C', path('root'), '-cf', path('image/layer.tar'), '.'])
  const digest = createHash('sha256')
    .update(await readFile(path('image/layer.tar')))
    .digest('hex')
  const description = {
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    os: 'linux',
    config: { Entrypoint: pauseCommand },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  }
  const content = [{ Config: 'config.json', RepoTags: [fullPauseImage], Layers: ['layer.tar'] }]
  await writeFile(path('image/config.json'), JSON.stringify(description))
  await writeFile(path('image/manifest.json'), JSON.stringify(content))
  const archive = path('pause.tar')
  const files = ['manifest.json', 'config.json', 'layer.tar']
  await command('tar', ['--numeric-owner', '-C', path('image'), '-cf', archive, ...files])
  return archive
}
