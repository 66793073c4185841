import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate } from './certificates'
import type { ContainerRuntime } from './container-runtime'
import { containerd } from './containerd'
import { dockershim } from './dockershim'
import type { Machine } from './machine'
import type { PodNetwork } from './network'

export interface NodeOptions {
  readonly binaries: string
  /** Minor version of the kubelet. */
  readonly minor: number
  readonly network: PodNetwork
  /** Name of the control group below which its pods run. */
  readonly controlGroup: string
  /** On 127.0.0.1: where the API server reaches the kubelet, and where the kubelet says that it is well. */
  readonly ports: { readonly kubelet: number; readonly kubeletHealth: number }
}

/**
 * The cluster's only node, `localhost`, with a container runtime of its own: a kubelet ends every pod of its runtime
 * that its API server does not know, so two of them cannot share one.
 */
export interface Node {
  readonly runtime: ContainerRuntime
  startKubelet(): Promise<void>
  /** Its pods go on. */
  stopKubelet(): Promise<void>
}

/** Up to this minor version kubelets talk to a Docker engine by themselves. */
const LAST_DOCKERSHIM = 23

export async function layOutNode(
  machine: Machine,
  authority: Certificate,
  options: NodeOptions,
): Promise<Node> {
  const folder = join(machine.folder, 'node')
  const path = (file: string) => join(folder, file)
  await mkdir(folder, { mode: 0o700, recursive: true })
  const node = openNode(machine, options)
  await node.runtime.layOut()
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
      // At the usual five a second, what hundreds of pods gave cause for holds up the news of the next one for minutes.
      eventRecordQPS: 100,
      eventBurst: 500,
      // The first status says not ready, the next one ready: it need not come after the usual ten seconds.
      nodeStatusUpdateFrequency: '1s',
      // Needs CAP_SYS_RESOURCE.
      oomScoreAdj: 0,
      ...node.runtime.kubelet.settings,
    }),
  )
  return node
}

/** The node of a machine on which {@link layOutNode} has been. */
export function openNode(machine: Machine, options: NodeOptions): Node {
  const folder = join(machine.folder, 'node')
  const path = (file: string) => join(folder, file)
  const runtime = (options.minor > LAST_DOCKERSHIM ? containerd : dockershim)(machine, folder, options)
  return {
    runtime,
    startKubelet: () =>
      machine.start('kubelet', join(options.binaries, 'kubelet'), [
        `--config=${path('kubelet.yaml')}`,
        `--kubeconfig=${join(machine.folder, 'control-plane/kubelet.kubeconfig')}`,
        `--root-dir=${path('kubelet')}`,
        `--cert-dir=${path('kubelet-certificates')}`,
        ...runtime.kubelet.flags,
        // So that the API server reaches it on loopback.
        '--hostname-override=localhost',
        `--node-ip=${options.network.address}`,
      ]),
    stopKubelet: () => machine.stop('kubelet'),
  }
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
