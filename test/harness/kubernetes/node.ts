import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, tryCommand } from '../command'
import { staticBusybox } from '../images'
import type { Certificate } from './certificates'
import type { Machine } from './machine'
import type { PodNetwork } from './network'

export interface NodeOptions {
  readonly binaries: string
  readonly network: PodNetwork
  /** Name of the control group below which its pods run. */
  readonly controlGroup: string
  /** On 127.0.0.1: where the API server reaches the kubelet, and where the kubelet says that it is well. */
  readonly ports: { readonly kubelet: number; readonly kubeletHealth: number }
}

/**
 * The cluster's only node, `localhost`, with a Docker engine of its own: a kubelet ends every pod of its engine that
 * its API server does not know, so two of them cannot share one.
 */
export interface Node {
  /** For `DOCKER_HOST`. */
  readonly dockerHost: string
  startDocker(): Promise<void>
  /** Copies an image of the machine's engine into the node's. */
  loadImage(name: string): Promise<void>
  startKubelet(): Promise<void>
  /** Its pods go on. */
  stopKubelet(): Promise<void>
}

const pauseImage = 'berth-test/pause'
/** As the real one: it reaps what is orphaned, and ends at once when it is told to, which every pod's end waits for. */
const pauseScript = 'trap "exit 0" TERM INT; while :; do /busybox sleep 86400 & wait $!; done'

export async function layOutNode(
  machine: Machine,
  authority: Certificate,
  options: NodeOptions,
): Promise<Node> {
  const folder = join(machine.folder, 'node')
  const path = (file: string) => join(folder, file)
  await mkdir(folder, { mode: 0o700, recursive: true })
  const node = openNode(machine, options)
  await writeFile(path('docker.json'), JSON.stringify(await runtimeSettings(path('runtime'))))
  const resolvConf = await nameServers()
  await writeFile(path('resolv.conf'), resolvConf)
  await writeFile(
    path('kubelet.yaml'),
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      address: '127.0.0.1',
      port: options.ports.kubelet,
      readOnlyPort: 0,
      healthzBindAddress: '127.0.0.1',
      healthzPort: options.ports.kubeletHealth,
      // Whoever may talk to a kubelet is root on its node: the API server alone.
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: false },
        x509: { clientCAFile: authority.certificate },
      },
      authorization: { mode: 'AlwaysAllow' },
      cgroupDriver: 'cgroupfs',
      cgroupRoot: `/${options.controlGroup}`,
      failSwapOn: false,
      resolvConf: path('resolv.conf'),
      // There is no name service for the cluster's own names; without any, every pod gets a warning for it.
      clusterDNS: /^nameserver\s+\S+/m.exec(resolvConf)?.[0].split(/\s+/).slice(1) ?? [],
      hairpinMode: 'none',
      // The packet filter is the machine's.
      makeIPTablesUtilChains: false,
      volumePluginDir: path('volume-plugins'),
      // A full disk of whoever runs the tests is no reason to throw pods or images out.
      evictionHard: { 'memory.available': '64Mi', 'nodefs.available': '0.5%', 'imagefs.available': '0.5%' },
      imageGCHighThresholdPercent: 100,
      imageGCLowThresholdPercent: 99,
      serializeImagePulls: false,
      nodeLeaseDurationSeconds: 12,
      // The first status says not ready, the next one ready: it need not come after the usual ten seconds.
      nodeStatusUpdateFrequency: '1s',
      // Needs CAP_SYS_RESOURCE.
      oomScoreAdj: 0,
    }),
  )
  return node
}

/** The node of a machine on which {@link layOutNode} has been. */
export function openNode(machine: Machine, options: NodeOptions): Node {
  const folder = join(machine.folder, 'node')
  const path = (file: string) => join(folder, file)
  const dockerHost = `unix://${path('docker.sock')}`
  const docker = (...args: string[]) => command('docker', ['--host', dockerHost, ...args])
  return {
    dockerHost,
    startDocker: async () => {
      await machine.start('dockerd', 'dockerd', [
        `--config-file=${path('docker.json')}`,
        // The usual places, which are the machine's own within its namespaces, are where the kubelet looks.
        '--host=unix:///var/run/docker.sock',
        '--pidfile=/var/run/docker.pid',
        `--host=${dockerHost}`,
        `--data-root=${path('docker')}`,
        `--exec-root=${path('docker-run')}`,
        `--bridge=${options.network.bridge}`,
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
    startKubelet: () =>
      machine.start('kubelet', join(options.binaries, 'kubelet'), [
        `--config=${path('kubelet.yaml')}`,
        `--kubeconfig=${join(machine.folder, 'control-plane/kubelet.kubeconfig')}`,
        `--root-dir=${path('kubelet')}`,
        `--cert-dir=${path('kubelet-certificates')}`,
        '--container-runtime=docker',
        `--experimental-dockershim-root-directory=${path('dockershim')}`,
        `--pod-infra-container-image=${pauseImage}`,
        // So that the API server reaches it on loopback.
        '--hostname-override=localhost',
        `--node-ip=${options.network.address}`,
      ]),
    stopKubelet: () => machine.stop('kubelet'),
  }
}

/** What holds a pod's network: anything that stays. */
async function makePauseImage(folder: string, docker: (...args: string[]) => Promise<string>): Promise<void> {
  await mkdir(folder, { recursive: true })
  await copyFile(await staticBusybox(), join(folder, 'busybox'))
  await chmod(join(folder, 'busybox'), 0o755)
  const archive = `${folder}.tar`
  await command('tar', ['--numeric-owner', '-C', folder, '-cf', archive, '.'])
  await docker(
    'import',
    '--change',
    `ENTRYPOINT ${JSON.stringify(['/busybox', 'sh', '-c', pauseScript])}`,
    archive,
    pauseImage,
  )
  await rm(archive)
  await rm(folder, { recursive: true })
}

/**
 * Every pod's sandbox asks for an out-of-memory score below ours. Without CAP_SYS_RESOURCE the kernel refuses that and
 * no pod starts; then runc is called through a script that asks for none.
 */
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

async function mayLowerScores(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  // CAP_SYS_RESOURCE, capability(7).
  return ((effective >> 24n) & 1n) === 1n
}

/** As this machine has them; not those of a resolver that listens on this machine's loopback, which is not a pod's. */
async function nameServers(): Promise<string> {
  for (const path of ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf']) {
    try {
      return await readFile(path, 'utf8')
    } catch {
      // Not on this machine.
    }
  }
  return ''
}
