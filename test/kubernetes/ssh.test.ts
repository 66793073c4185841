import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { carrierOf } from '../../main/engine/access/gateway/carrier'
import { tryCommand } from '../harness/command'
import type { CuttingProxy } from '../harness/cutting-proxy'
import { throughProxy } from '../harness/kubernetes/cut-off'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { startEngine, type TestEngine } from '../ports/engine'
import { createInPod } from './workspace'

// OpenSSH in a pod, through the API server alone.

const folder = mkdtempSync(join(tmpdir(), 'berth-ssh-cluster-'))
const never = new AbortController().signal
let namespace: TestNamespace
let proxy: CuttingProxy
let test: TestEngine
let workspace: Workspace
let gateway: Server
let options: string[]
const sockets = new Set<Socket>()

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  const cut = await throughProxy(namespace.kubeconfig, folder)
  proxy = cut.proxy
  test = await startEngine({ KUBECONFIG: cut.kubeconfig })
  workspace = await createInPod(test)
  const { access } = test.engine
  const host = access.hostOf(workspace)
  gateway = createServer({ allowHalfOpen: true }, async (socket) => {
    sockets.add(socket.on('error', () => undefined))
    const serve = await access.gateway.reach(host, never).catch(() => undefined)
    if (serve) await serve(carrierOf(socket, socket))
    else socket.destroy()
  })
  gateway.listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  const { port } = gateway.address() as AddressInfo
  const { config } = await access.sshConfig.prepare()
  const direct = ['ProxyCommand=none', 'HostName=127.0.0.1', `Port=${port}`]
  options = ['-F', config, ...direct.flatMap((option) => ['-o', option]), host]
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  gateway?.close()
  await test?.dispose()
  await proxy?.dispose()
  await namespace?.dispose()
  rmSync(folder, { recursive: true })
})

const ssh = (command: string, input: string | Uint8Array = '') =>
  tryCommand('ssh', [...options, command], { input })

describe('OpenSSH in a pod', () => {
  it('runs a command with its input, both outputs and its exit code', async () => {
    const { code, stderr, stdout } = await ssh('cat; echo problem >&2; exit 7', 'in and out')
    expect([code, stdout, stderr]).toEqual([7, 'in and out', 'problem\n'])
  })

  it('carries all bytes of 20 MB', async () => {
    const bytes = randomBytes(20_000_000)
    const { stdout } = await ssh('sha256sum', bytes)
    expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('ends with an error when the way to the API server is cut, and works again afterwards', async () => {
    const running = ssh('echo begun > /tmp/begun; sleep 1000')
    await expect.poll(async () => (await ssh('cat /tmp/begun')).stdout).toBe('begun\n')
    proxy.cut()
    expect((await running).code).toBe(255)
    await expect.poll(async () => (await ssh('echo again')).stdout).toBe('again\n')
  })
})
