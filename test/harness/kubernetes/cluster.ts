import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { isAlive } from '../../../scripts/setup/programs.mjs'
import { command } from '../command'
import { makeControlGroup, removeControlGroup } from './control-groups'
import { type ControlPlaneOptions, layOutControlPlane, openControlPlane } from './control-plane'
import { killMachine, type Machine, machineRuns, openMachine, startMachine, wasMachine } from './machine'
import { kubectlWith, makeNamespace, type NamespaceOptions, type TestNamespace } from './namespaces'
import { freePorts, makePodNetwork, removePodNetwork } from './network'
import { layOutNode, type NodeOptions, openNode } from './node'
import { startProvisioner, storageClasses } from './storage'

/** A real Kubernetes for tests. */
export interface TestCluster {
  /** Path of an administrator's kubeconfig with one context. */
  readonly kubeconfig: string
  /** Runs kubectl as administrator and returns what it printed; rejects on a failing exit. */
  kubectl(...args: string[]): Promise<string>
  /** A namespace and a user limited to it. */
  makeNamespace(options?: NamespaceOptions): Promise<TestNamespace>
}

/** One that the harness brought up itself, and whose parts can be stopped. */
export interface OwnCluster extends TestCluster {
  /** All of its files. */
  readonly folder: string
  /** `https://127.0.0.1:<port>` */
  readonly server: string
  /** Copies an image of the machine's Docker engine to the node. */
  loadImage(name: string): Promise<void>
  stopApiServer(): Promise<void>
  /** At the same address, over the same state; resolves when it answers that it is ready. */
  startApiServer(): Promise<void>
  restartApiServer(): Promise<void>
  /** Pods go on; after 20 s the cluster takes the node for lost. */
  stopKubelet(): Promise<void>
  startKubelet(): Promise<void>
  /** Ends and removes all of it. */
  dispose(): Promise<void>
}

export interface ClusterOptions {
  /** Folder of kube-apiserver, kube-controller-manager, kube-scheduler and kubelet. */
  readonly binaries: string
  /** Without a node: API server and controllers alone; pods stay pending. Default: with one. */
  readonly node?: boolean
  /** Images of the machine's Docker engine that the node has from the start. */
  readonly images?: readonly string[]
  /** More flags for the API server. */
  readonly apiServerFlags?: readonly string[]
  /** Goes on when this process has ended. Default: the kernel ends it with this process. */
  readonly outlives?: boolean
}

/** What a running cluster's folder says of it, for other processes and for who cleans up after a dead one. */
interface State {
  readonly controlPlane: ControlPlaneOptions
  readonly node?: NodeOptions
}

/** Of folders; the pid of who makes it follows. */
const prefix = 'berth-kubernetes-'

/** Brings up a cluster of one's own and resolves when its node is ready: Linux, root, about 15 s. Needs no free port of a certain number. */
export async function startCluster(options: ClusterOptions): Promise<OwnCluster> {
  await sweep()
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`))
  try {
    const machine = await startMachine(folder, options.outlives ?? false)
    const state = await layOut(machine, options)
    await bringUp(machine, state, options.images ?? [])
    return clusterIn(machine, state)
  } catch (error) {
    await dispose(folder)
    throw error
  }
}

/** The running cluster of a folder, whoever started it. */
export async function connectCluster(folder: string): Promise<OwnCluster> {
  const state = await readState(folder)
  if (!state) throw new Error(`${folder} has no cluster`)
  return clusterIn(await openMachine(folder), state)
}

async function layOut(machine: Machine, options: ClusterOptions): Promise<State> {
  const { folder } = machine
  const { binaries } = options
  const minor = await minorOf(binaries)
  const id = randomBytes(3).toString('hex')
  const ports = await freePorts('etcd', 'etcdPeer', 'apiServer', 'kubelet', 'kubeletHealth')
  const controlPlane = {
    binaries,
    minor,
    name: `berth-test-${id}`,
    ports,
    ...(options.apiServerFlags ? { apiServerFlags: options.apiServerFlags } : {}),
  }
  const file = join(folder, 'cluster.json')
  const { authority } = await layOutControlPlane(machine, controlPlane)
  if (options.node === false) {
    const state: State = { controlPlane }
    await writeFile(file, JSON.stringify(state))
    return state
  }
  const network = await makePodNetwork(`berth-${id}`)
  const node = { binaries, minor, network, controlGroup: `${prefix}${id}`, ports }
  const state: State = { controlPlane, node }
  await writeFile(file, JSON.stringify(state))
  await makeControlGroup(node.controlGroup)
  await layOutNode(machine, authority, node)
  return state
}

/** Minor version of the programs in the folder. */
async function minorOf(binaries: string): Promise<number> {
  const said = await command(join(binaries, 'kubelet'), ['--version'])
  const minor = /v1\.(\d+)/.exec(said)?.[1]
  if (minor === undefined) throw new Error(`what version is it? ${said}`)
  return Number(minor)
}

async function bringUp(machine: Machine, state: State, images: readonly string[]): Promise<void> {
  const controlPlane = openControlPlane(machine, state.controlPlane)
  const node = state.node && openNode(machine, state.node)
  const runtime = node?.runtime
    .start()
    .then(() => Promise.all(images.map((name) => node.runtime.loadImage(name))))
    .then(() => undefined)
  // Waited for below; if the control plane fails first, its failure is the one to tell.
  runtime?.catch(() => undefined)
  await controlPlane.startEtcd()
  await controlPlane.startApiServer()
  await controlPlane.startControllerManager()
  if (!node) return
  await controlPlane.startScheduler()
  const kubectl = kubectlWith(controlPlane.kubeconfig, join(machine.folder, 'kubectl-cache'))
  await kubectl(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: storageClasses }),
  )
  await startProvisioner(machine, controlPlane)
  await runtime
  await node.startKubelet()
  const isReady = '{.status.conditions[?(@.type=="Ready")].status}'
  await machine.waitFor('kubelet', 'until the node is ready', async () => {
    // Everything starts at once: a server that is too busy to answer is asked again.
    const asked = kubectl(['get', 'node', 'localhost', '--ignore-not-found', '-o', `jsonpath=${isReady}`])
    return (await asked.catch(() => '')) === 'True'
  })
}

function clusterIn(machine: Machine, state: State): OwnCluster {
  const { folder } = machine
  const controlPlane = openControlPlane(machine, state.controlPlane)
  const node = state.node && openNode(machine, state.node)
  const needNode = () => {
    if (!node) throw new Error('this cluster has no node')
    return node
  }
  const kubectl = kubectlWith(controlPlane.kubeconfig, join(folder, 'kubectl-cache'))
  return {
    folder,
    server: controlPlane.server,
    kubeconfig: controlPlane.kubeconfig,
    kubectl: (...args) => kubectl(args),
    makeNamespace: (options) => makeNamespace(controlPlane.kubeconfig, folder, options),
    loadImage: async (name) => needNode().runtime.loadImage(name),
    stopApiServer: () => controlPlane.stopApiServer(),
    startApiServer: () => controlPlane.startApiServer(),
    restartApiServer: async () => {
      await controlPlane.stopApiServer()
      await controlPlane.startApiServer()
    },
    stopKubelet: async () => needNode().stopKubelet(),
    startKubelet: async () => needNode().startKubelet(),
    dispose: () => dispose(folder),
  }
}

async function readState(folder: string): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'cluster.json'), 'utf8')) as State
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function dispose(folder: string): Promise<void> {
  await killMachine(folder)
  const node = (await readState(folder))?.node
  if (node) {
    await removePodNetwork(node.network)
    await removeControlGroup(node.controlGroup)
  }
  await rm(folder, { recursive: true, force: true })
}

/** Takes away what clusters left whose process was killed before it could. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const maker = /^(\d+)-/.exec(name.startsWith(prefix) ? name.slice(prefix.length) : '')?.[1]
    if (!maker) continue
    const folder = join(tmpdir(), name)
    const isBeingMade = !(await wasMachine(folder)) && isAlive(Number(maker))
    if (!isBeingMade && !(await machineRuns(folder))) await dispose(folder)
  }
}

/** The cluster whose administrator's kubeconfig lies there, if the harness brought it up and it runs. */
export async function ownClusterOf(kubeconfig: string): Promise<OwnCluster | undefined> {
  const folder = join(kubeconfig, '../..')
  if (!basename(folder).startsWith(prefix) || !(await machineRuns(folder))) return undefined
  return connectCluster(folder)
}

/** A cluster that is somebody else's. What is written about it lies in `folder`. */
export function foreignCluster(kubeconfig: string, folder: string): TestCluster {
  const kubectl = kubectlWith(kubeconfig, join(folder, 'kubectl-cache'))
  return {
    kubeconfig,
    kubectl: (...args) => kubectl(args),
    makeNamespace: (options) => makeNamespace(kubeconfig, folder, options),
  }
}
