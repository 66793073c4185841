import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { type Certificate, certificateIn, makeAuthority, makeCertificate, makeKeyPair } from './certificates'
import { writeKubeconfig } from './kubeconfig'
import type { Machine } from './machine'

/** Ports on 127.0.0.1. */
export interface ControlPlanePorts {
  readonly etcd: number
  readonly etcdPeer: number
  readonly apiServer: number
}

export interface ControlPlane {
  /** `https://127.0.0.1:<port>` */
  readonly server: string
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string
  /** Signs what the servers show, and is trusted by the API server for clients' certificates. */
  readonly authority: Certificate
  /** Path of the tokens that the API server knows: rows of token, user, uid and groups. */
  readonly tokens: string
  startEtcd(): Promise<void>
  /** Resolves when it answers that it is ready. */
  startApiServer(): Promise<void>
  stopApiServer(): Promise<void>
  startControllerManager(): Promise<void>
  startScheduler(): Promise<void>
}

/** Whom the API server knows by a token: the user, and the groups that give it its rights. The first may do all. */
const identities = {
  admin: { user: 'admin', groups: 'system:masters' },
  'controller-manager': { user: 'system:kube-controller-manager', groups: '' },
  scheduler: { user: 'system:kube-scheduler', groups: '' },
  kubelet: { user: 'system:node:localhost', groups: 'system:nodes' },
  provisioner: { user: 'provisioner', groups: 'system:masters' },
} as const

/** Neither metrics nor health are asked for; their default ports would keep a second cluster from starting. */
const noServing = (minor: number) => [...(minor < 24 ? ['--port=0'] : []), '--secure-port=0']

export interface ControlPlaneOptions {
  /** Folder of kube-apiserver and its kin. */
  readonly binaries: string
  /** Their minor version. */
  readonly minor: number
  /** Names the cluster and its contexts. */
  readonly name: string
  readonly ports: ControlPlanePorts
  /** More flags for the API server. */
  readonly apiServerFlags?: readonly string[]
}

/**
 * Writes the keys, certificates and tokens of a control plane, in `<folder of the machine>/control-plane`. Everything
 * listens on 127.0.0.1 and speaks TLS with both sides verified: other people on this machine can neither read the
 * cluster nor get a pod, which would make them root.
 */
export async function layOutControlPlane(
  machine: Machine,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const controlPlane = openControlPlane(machine, options)
  const { authority } = controlPlane
  const folder = folderOf(machine)
  await mkdir(folder, { mode: 0o700 })
  await makeAuthority(authority)
  await Promise.all([
    makeCertificate(authority, certificateIn(folder, 'serving'), {
      commonName: 'berth-test-server',
      names: ['IP:127.0.0.1', 'IP:10.96.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc'],
    }),
    makeCertificate(authority, certificateIn(folder, 'client'), { commonName: 'kube-apiserver' }),
    makeKeyPair(join(folder, 'service-accounts.key'), join(folder, 'service-accounts.pub')),
  ])
  const certificates = (await readFile(authority.certificate)).toString('base64')
  const rows: string[] = []
  for (const [identity, { user, groups }] of Object.entries(identities)) {
    const token = randomBytes(24).toString('hex')
    rows.push(`${token},${user},${identity},"${groups}"\n`)
    await writeKubeconfig(join(folder, `${identity}.kubeconfig`), {
      name: options.name,
      cluster: { server: controlPlane.server, 'certificate-authority-data': certificates },
      user: identity,
      token,
    })
  }
  await writeFile(join(folder, 'tokens.csv'), rows.join(''), { mode: 0o600 })
  return controlPlane
}

/** The control plane of a machine on which {@link layOutControlPlane} has been. */
export function openControlPlane(machine: Machine, options: ControlPlaneOptions): ControlPlane {
  const { binaries, ports, name } = options
  const folder = folderOf(machine)
  const path = (file: string) => join(folder, file)
  const server = `https://127.0.0.1:${ports.apiServer}`
  const authority = certificateIn(folder, 'ca')
  const serving = certificateIn(folder, 'serving')
  const client = certificateIn(folder, 'client')
  const etcdAddress = `https://127.0.0.1:${ports.etcd}`
  const peerAddress = `https://127.0.0.1:${ports.etcdPeer}`

  return {
    server,
    kubeconfig: path('admin.kubeconfig'),
    authority,
    tokens: path('tokens.csv'),
    startEtcd: () =>
      machine.start('etcd', programIn(binaries, 'etcd'), [
        `--data-dir=${join(machine.folder, 'etcd')}`,
        `--name=${name}`,
        `--listen-client-urls=${etcdAddress}`,
        `--advertise-client-urls=${etcdAddress}`,
        `--listen-peer-urls=${peerAddress}`,
        `--initial-advertise-peer-urls=${peerAddress}`,
        `--initial-cluster=${name}=${peerAddress}`,
        ...['', 'peer-'].flatMap((kind) => [
          `--${kind}cert-file=${serving.certificate}`,
          `--${kind}key-file=${serving.key}`,
          `--${kind}trusted-ca-file=${authority.certificate}`,
          `--${kind}client-cert-auth`,
        ]),
        '--log-level=warn',
        '--logger=zap',
      ]),
    startApiServer: async () => {
      await machine.start('kube-apiserver', join(binaries, 'kube-apiserver'), [
        `--etcd-servers=${etcdAddress}`,
        `--etcd-cafile=${authority.certificate}`,
        `--etcd-certfile=${client.certificate}`,
        `--etcd-keyfile=${client.key}`,
        '--bind-address=127.0.0.1',
        '--advertise-address=127.0.0.1',
        `--secure-port=${ports.apiServer}`,
        `--tls-cert-file=${serving.certificate}`,
        `--tls-private-key-file=${serving.key}`,
        `--cert-dir=${folder}`,
        // A loopback address is none that the service `kubernetes` could lead to.
        '--endpoint-reconciler-type=none',
        '--service-cluster-ip-range=10.96.0.0/16',
        `--client-ca-file=${authority.certificate}`,
        `--token-auth-file=${path('tokens.csv')}`,
        '--authorization-mode=Node,RBAC',
        '--enable-admission-plugins=NodeRestriction',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-signing-key-file=${path('service-accounts.key')}`,
        `--service-account-key-file=${path('service-accounts.pub')}`,
        '--allow-privileged=true',
        '--kubelet-preferred-address-types=Hostname',
        `--kubelet-client-certificate=${client.certificate}`,
        `--kubelet-client-key=${client.key}`,
        ...(options.apiServerFlags ?? []),
      ])
      await machine.waitFor('kube-apiserver', 'until it is ready', () => isReady(server, folder))
    },
    // Left alone it waits a minute for watches to end.
    stopApiServer: () => machine.stop('kube-apiserver', 2000),
    startControllerManager: () =>
      machine.start('kube-controller-manager', join(binaries, 'kube-controller-manager'), [
        `--kubeconfig=${path('controller-manager.kubeconfig')}`,
        ...noServing(options.minor),
        `--service-account-private-key-file=${path('service-accounts.key')}`,
        `--root-ca-file=${authority.certificate}`,
        '--use-service-account-credentials',
        '--leader-elect=false',
        '--enable-hostpath-provisioner=true',
        `--flex-volume-plugin-dir=${path('volume-plugins')}`,
        // A kubelet that is gone is noticed soon, and one that a busy machine holds up for some seconds is not lost.
        '--node-monitor-period=2s',
        '--node-monitor-grace-period=20s',
      ]),
    startScheduler: () =>
      machine.start('kube-scheduler', join(binaries, 'kube-scheduler'), [
        `--kubeconfig=${path('scheduler.kubeconfig')}`,
        ...noServing(options.minor),
        '--leader-elect=false',
      ]),
  }
}

/** The one that comes with the binaries, else the machine's. */
const programIn = (binaries: string, name: string) => {
  const own = join(binaries, name)
  return existsSync(own) ? own : name
}

const folderOf = (machine: Machine) => join(machine.folder, 'control-plane')

async function isReady(server: string, folder: string): Promise<boolean> {
  const ca = await readFile(certificateIn(folder, 'ca').certificate)
  const [token = ''] = (await readFile(join(folder, 'tokens.csv'), 'utf8')).split(',')
  return new Promise((resolve) => {
    const asked = request(
      `${server}/readyz`,
      { ca, agent: false, timeout: 5000, headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      },
    )
    asked.once('timeout', () => asked.destroy(new Error('no answer')))
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
