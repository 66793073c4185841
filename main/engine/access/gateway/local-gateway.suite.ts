import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Target, Workspace } from '#contract'
import { AgentKeeper } from '../../link/agent/keeper'
import { removeWithProcesses } from '../../link/agent/local-agent.suite'
import { LocalDriver } from '../../link/agent/local-driver.suite'
import type { AgentBinaries } from '../../link/agent/place'
import { shippedAgents } from '../../link/agent/shipped'
import { prepareExec } from '../../link/environment'
import type { Link, Links } from '../../link/link'
import { type Clock, systemClock } from '../../platform/clock'
import { Collection } from '../../platform/collection'
import { silentLogger } from '../../platform/logger'
import type { Platform } from '../../platform/platform'
import { readKeyFiles } from '../keys/key-files'
import { configText, knownHostsText } from '../ssh-config/config-text'
import { createGateway } from '.'
import { carrierOf } from './carrier'

/** The agent as it is shipped runs on this machine, which is Linux, as workspaces are. */
export const isPossible = process.platform === 'linux'

export interface Ran {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: string
}

const never = new AbortController().signal

/** A port that nothing listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** For tests: a gateway to one workspace, `demo`, that is this machine, and a loopback port that leads to it. */
export async function openLocalGateway({
  agents = shippedAgents(join(import.meta.dirname, '../../../../resources')),
  clock = systemClock,
}: {
  readonly agents?: AgentBinaries
  readonly clock?: Clock
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'berth-gateway-test-'))
  const home = join(folder, 'home')
  mkdirSync(home)
  const local = new LocalDriver({ PATH: process.env.PATH ?? '', HOME: home, BERTH_AGENT_FOLDER: folder })
  const workspaces = new Collection<Workspace>()
  const targets = new Collection<Target>()
  targets.set({ id: 'docker:default', name: 'default', kind: 'docker', state: 'ready' } as unknown as Target)
  const show = (fields: Partial<Workspace> = {}) =>
    workspaces.set({
      id: 'w123456789',
      name: 'demo',
      targetId: 'docker:default',
      state: 'running',
      reason: 'It was stopped',
      incarnation: '1',
      user: {
        name: 'dev',
        uid: process.getuid?.() ?? 0,
        gid: process.getgid?.() ?? 0,
        home,
        shell: '/bin/sh',
      },
      definition: { workspaceFolder: '/workspaces/demo', remoteEnv: {}, containerEnv: {} },
      ...fields,
    } as unknown as Workspace)
  show()
  const keeper = new AgentKeeper({
    workspaceId: 'w123456789',
    workspaces,
    driver: () => local.driver,
    binaries: agents,
    clock: systemClock,
    logger: silentLogger,
  })
  const link: Pick<Link, 'exec' | 'openSsh'> = {
    openSsh: (signal) => keeper.openMessages(signal),
    exec: async (options, signal) => {
      const [workspace] = workspaces.list()
      if (!workspace) throw new Error('there is no workspace')
      return local.driver.exec(workspace.id, prepareExec(workspace, options), signal ?? never)
    },
  }
  const links = { get: () => link } as unknown as Links
  const platform = {
    clock,
    logger: silentLogger,
    folders: { config: join(folder, 'config'), state: join(folder, 'state'), temporary: folder },
  } as unknown as Platform
  mkdirSync(join(folder, 'config'))
  const gateway = createGateway({ platform, links, workspaces, targets, settled: Promise.resolve() })

  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    try {
      const serve = await gateway.reach('demo.berth', never)
      await serve(carrierOf(socket, socket))
    } catch {
      socket.destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  const { hostKey, clientKey, paths } = await readKeyFiles(platform.folders.config)
  const config = join(folder, 'ssh_config')
  writeFileSync(paths.knownHosts, knownHostsText(hostKey))
  const direct = `Host *.berth\n  HostName 127.0.0.1\n  Port ${port}\n  ProxyCommand none\n`
  writeFileSync(
    config,
    direct + configText({ paths, hostKey, commandLine: ['/bin/false'], platform: process.platform }),
  )

  const start = (program: string, args: readonly string[], options: { readonly cwd?: string } = {}) =>
    spawn(program, args, {
      stdio: 'pipe',
      env: { ...process.env, HOME: home, SSH_AUTH_SOCK: '' },
      ...options,
    })

  /** Runs a program to its end; its arguments have the configuration where they say `CONFIG`. */
  async function run(program: string, args: readonly string[], input: string | Buffer = ''): Promise<Ran> {
    const child = start(
      program,
      args.map((arg) => arg.replaceAll('CONFIG', config)),
    )
    const out: Buffer[] = []
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return { code, signal, stdout: Buffer.concat(out), stderr }
  }

  return {
    clientKey,
    config,
    folder,
    gateway,
    home,
    hostKey,
    keeper,
    local,
    platform,
    port,
    run,
    show,
    sockets,
    /** The stock client, with these arguments. */
    ssh: (args: readonly string[], input?: string | Buffer) => run('ssh', ['-F', 'CONFIG', ...args], input),
    start,
    workspaces,
    async dispose() {
      for (const socket of sockets) socket.destroy()
      server.close()
      keeper.dispose()
      local.cut()
      removeWithProcesses(folder)
    },
  }
}
