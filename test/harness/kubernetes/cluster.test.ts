import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { command, tryCommand } from '../command'
import { TEST_IMAGES } from '../images'
import { connectCluster, type OwnCluster, startCluster } from './cluster'
import { controlGroupPaths } from './control-groups'
import { processesIn } from './machine'
import type { TestNamespace } from './namespaces'
import { binariesProblem, kubernetesBinaries } from './shared'

/** A pod as unprivileged as a workspace's, with a volume that it can write to; it is ready when `isReady` succeeds in it. */
const pod = (name: string, script: string, isReady = 'true') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
    containers: [
      {
        name: 'main',
        image: TEST_IMAGES.alpine,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', script],
        readinessProbe: { exec: { command: ['sh', '-c', isReady] }, periodSeconds: 1 },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'source' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  },
})
const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
}

/** The first that a program prints. */
const firstLine = (child: ChildProcessByStdio<null, Readable, null>) =>
  new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString()))
    child.once('exit', (code) => reject(new Error(`ended with ${code} and said nothing`)))
  })

/** What a kubelet and its kin set and write in fixed places of the machine that they run on. */
const traces = async () => ({
  settings: await Promise.all(
    ['vm/overcommit_memory', 'kernel/panic', 'kernel/panic_on_oops', 'kernel/keys/root_maxkeys'].map((name) =>
      readFile(`/proc/sys/${name}`, 'utf8'),
    ),
  ),
  folders: ['/tmp/hostpath_pv', '/var/log/pods', '/var/lib/kubelet', '/usr/libexec/kubernetes'].filter(
    (path) => existsSync(path),
  ),
})

describe('a cluster of one’s own', () => {
  let cluster: OwnCluster
  let namespace: TestNamespace
  let before: unknown
  beforeEach(({ skip }) => skip(binariesProblem() !== undefined, binariesProblem()))
  beforeAll(async () => {
    if (binariesProblem()) return
    before = await traces()
    cluster = await startCluster({ binaries: kubernetesBinaries(), images: [TEST_IMAGES.alpine] })
    namespace = await cluster.makeNamespace()
  })
  afterAll(async () => {
    if (!binariesProblem()) await cluster.dispose()
  })

  const create = (object: object) =>
    command('kubectl', ['--kubeconfig', cluster.kubeconfig, '-n', namespace.name, 'create', '-f', '-'], {
      input: JSON.stringify(object),
    })
  const until = (condition: string, name: string) =>
    cluster.kubectl('-n', namespace.name, 'wait', `--for=${condition}`, `pod/${name}`, '--timeout=150s')
  const ready = 'condition=Ready'

  it('runs a pod, whose volume keeps what the next pod reads', async () => {
    await create(claim)
    await create(pod('first', 'echo printed; echo kept > /data/file; sleep 1000', 'test -s /data/file'))
    await until(ready, 'first')
    expect(await namespace.kubectl('logs', 'first')).toBe('printed\n')
    expect(await namespace.kubectl('exec', 'first', '--', 'cat', '/data/file')).toBe('kept\n')
    await namespace.kubectl('delete', 'pod', 'first')
    await create(pod('second', 'sleep 1000'))
    await until(ready, 'second')
    expect(await namespace.kubectl('exec', 'second', '--', 'cat', '/data/file')).toBe('kept\n')
  })

  it('forwards a port to what listens on the pod’s loopback', async () => {
    const script = 'echo from inside > /tmp/page; exec httpd -f -p 127.0.0.1:8000 -h /tmp'
    await create(pod('listens', script, 'wget -q -O /dev/null http://127.0.0.1:8000/page'))
    await until(ready, 'listens')
    const forward = spawn(
      'kubectl',
      ['--kubeconfig', namespace.kubeconfig, 'port-forward', 'pod/listens', ':8000'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = new Promise((resolve) => forward.once('exit', resolve))
    try {
      const [, address] = /Forwarding from (\S+) ->/.exec(await firstLine(forward)) ?? []
      expect(await (await fetch(`http://${address}/page`)).text()).toBe('from inside\n')
    } finally {
      forward.kill()
      await ended
    }
  })

  it('refuses a limited user whatever lies outside of his namespace and his role', async () => {
    const refused = async (...args: string[]) => {
      const { code, stderr } = await tryCommand('kubectl', ['--kubeconfig', namespace.kubeconfig, ...args])
      expect(code).not.toBe(0)
      return stderr
    }
    const forbidden = `User "${namespace.user}" cannot`
    expect(await namespace.kubectl('get', 'pods', '-o', 'name')).toContain('pod/second')
    expect(await refused('-n', 'default', 'get', 'pods')).toContain(forbidden)
    expect(await refused('get', 'nodes')).toContain(forbidden)
    expect(await refused('create', 'configmap', 'mine')).toContain(forbidden)
    const other = await cluster.makeNamespace()
    expect(await refused('-n', other.name, 'get', 'pods')).toContain(forbidden)
    await other.dispose()
  })

  it('verifies both sides: other users of the machine get in nowhere', async () => {
    const { ports } = JSON.parse(await readFile(`${cluster.folder}/cluster.json`, 'utf8')).node
    const ask = (port: number, path: string, rejectUnauthorized = false) =>
      new Promise<string>((resolve, reject) => {
        const asked = request(
          { host: '127.0.0.1', port, path, agent: false, rejectUnauthorized },
          (answer) => {
            let text = ''
            answer.on('data', (chunk: Buffer) => {
              text += chunk
            })
            answer.once('end', () => resolve(text))
          },
        )
        asked.once('error', reject)
        asked.end()
      })
    await expect(ask(ports.apiServer, '/api', true)).rejects.toThrow(/certificate/)
    const anonymous = 'User \\"system:anonymous\\" cannot get path'
    expect(await ask(ports.apiServer, '/api')).toContain(anonymous)
    expect(await ask(ports.kubelet, '/pods')).toBe('Unauthorized')
    for (const port of [ports.etcd, ports.etcdPeer])
      await expect(ask(port, '/version')).rejects.toThrow(/alert/)
  })

  it('keeps its state over a restart of the API server', async () => {
    await cluster.stopApiServer()
    await expect(cluster.kubectl('version')).rejects.toThrow(/refused/)
    await cluster.startApiServer()
    expect(await namespace.kubectl('get', 'pod', 'second', '-o', 'jsonpath={.status.phase}')).toBe('Running')
    expect(await namespace.kubectl('exec', 'second', '--', 'cat', '/data/file')).toBe('kept\n')
  })

  it('has pods that go on without the kubelet, and a kubelet that finds them again', async () => {
    // The 22nd field (proc(5)): the times of the folder are those of the kernel's memory of it.
    const startTime = async () =>
      Number(await namespace.kubectl('exec', 'second', '--', 'cut', '-d', ' ', '-f', '22', '/proc/1/stat'))
    const started = await startTime()
    expect(started).toBeGreaterThan(0)
    await cluster.stopKubelet()
    await expect(startTime()).rejects.toThrow()
    await cluster.startKubelet()
    await expect.poll(startTime).toBe(started)
  })

  it('stands beside another one, which dies with the process that started it and leaves nothing for long', async () => {
    const child = spawn(
      process.execPath,
      ['scripts/run-typescript.mjs', 'test/harness/kubernetes/killed-child.ts', kubernetesBinaries()],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const folder = (await firstLine(child)).trim()
    const other = await connectCluster(folder)
    const there = await other.makeNamespace()
    expect(await other.kubectl('get', 'namespaces', '-o', 'name')).not.toContain(namespace.name)
    expect(await cluster.kubectl('get', 'namespaces', '-o', 'name')).not.toContain(there.name)
    expect(await other.kubectl('get', 'nodes', '-o', 'name')).toBe('node/localhost\n')
    expect(await namespace.kubectl('exec', 'second', '--', 'cat', '/data/file')).toBe('kept\n')

    const processes = await processesIn(folder)
    const { network } = JSON.parse(await readFile(`${folder}/cluster.json`, 'utf8')).node
    const hasBridge = async () => (await tryCommand('ip', ['link', 'show', network.bridge])).code === 0
    expect(processes.length).toBeGreaterThan(5)
    expect(await hasBridge()).toBe(true)
    child.kill('SIGKILL')
    const alive = () => processes.filter((pid) => existsSync(`/proc/${pid}`))
    await expect.poll(alive).toEqual([])
    // Whoever comes next tidies up.
    const next = await startCluster({ binaries: kubernetesBinaries(), node: false })
    await next.dispose()
    expect(existsSync(folder)).toBe(false)
    expect(await hasBridge()).toBe(false)
    expect(await namespace.kubectl('get', 'pods', '-o', 'name')).toContain('pod/second')
  })

  it('leaves nothing', async () => {
    const { node } = JSON.parse(await readFile(`${cluster.folder}/cluster.json`, 'utf8'))
    const { bridge, subnet } = node.network
    const rules = async () => (await command('iptables-save', [])).split('\n')
    const of = (lines: string[]) => lines.filter((line) => line.includes(bridge) || line.includes(subnet))
    const processes = await processesIn(cluster.folder)
    // Its parts, and the pods' containers.
    expect(processes.length).toBeGreaterThan(10)
    expect(of(await rules())).toHaveLength(3)
    expect(await controlGroupPaths(node.controlGroup)).not.toEqual([])
    await cluster.dispose()
    expect(processes.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    expect(existsSync(cluster.folder)).toBe(false)
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(cluster.folder)
    expect(of(await rules())).toEqual([])
    expect((await tryCommand('ip', ['link', 'show', bridge])).code).not.toBe(0)
    expect(await controlGroupPaths(node.controlGroup)).toEqual([])
    expect(await traces()).toEqual(before)
  })
})
