import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { connect as connectSocket, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Platform } from '../../../platform/platform'
import type { Endpoint } from './endpoint'
import { ProcessSocket } from './ssh-socket'

/** Milliseconds of silence after which TCP asks whether the other side is still there. */
const TCP_KEEPALIVE = 15_000
/** Connections that wait for the next request. Each costs a process over ssh. */
const IDLE_CONNECTIONS = { local: 16, ssh: 2 }

/** Opens connections to one engine and keeps them for reuse. */
export class Transport {
  /** For node:http; its connections come from {@link connect}. */
  readonly agent: Agent
  readonly #endpoint: Endpoint
  readonly #platform: Platform
  readonly #sockets = new Set<Duplex>()
  #controlFolder: string | undefined
  #disposed = false

  constructor(endpoint: Endpoint, platform: Platform) {
    this.#endpoint = endpoint
    this.#platform = platform
    this.agent = new Agent({
      keepAlive: true,
      scheduling: 'lifo',
      maxFreeSockets: endpoint.kind === 'ssh' ? IDLE_CONNECTIONS.ssh : IDLE_CONNECTIONS.local,
    })
    // An http.Agent takes its connections from this method (Node's documentation, "agent.createConnection").
    Object.assign(this.agent, { createConnection: () => this.connect() })
  }

  /** A new connection. It fails with an `error` event, for which it always has a listener of its own. */
  connect(): Duplex {
    if (this.#disposed)
      throw Object.assign(new Error('connection lost: the driver was closed'), { code: 'ECONNRESET' })
    const socket = this.#open()
    this.#sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  #open(): Duplex {
    const endpoint = this.#endpoint
    switch (endpoint.kind) {
      case 'unix':
      case 'npipe':
        return connectSocket({ path: endpoint.path })
      case 'tcp': {
        const { host, port, tls } = endpoint
        const socket: Socket = tls
          ? connectTls({
              host,
              port,
              ...(tls.ca && { ca: tls.ca }),
              ...(tls.cert && { cert: tls.cert }),
              ...(tls.key && { key: tls.key }),
              rejectUnauthorized: !tls.skipVerify,
              // An address as server name is not allowed (RFC 6066, section 3).
              ...(tls.serverName && { servername: tls.serverName }),
            })
          : connectSocket({ host, port })
        socket.setNoDelay(true)
        socket.setKeepAlive(true, TCP_KEEPALIVE)
        return socket
      }
      case 'ssh':
        return new ProcessSocket(
          this.#platform.processes.spawn('ssh', this.#sshArguments(endpoint), { env: this.#platform.env }),
        )
    }
  }

  #sshArguments(endpoint: Extract<Endpoint, { kind: 'ssh' }>): string[] {
    const options = ['BatchMode=yes', 'ConnectTimeout=15', 'ServerAliveInterval=15', 'ServerAliveCountMax=2']
    if (process.platform !== 'win32') {
      // One TCP connection and one login for all; the socket lies in a folder that only this user can enter.
      this.#controlFolder ??= mkdtempSync(join(this.#platform.folders.temporary, 'berth-ssh-'))
      options.push(
        'ControlMaster=auto',
        `ControlPath=${join(this.#controlFolder, 'master')}`,
        'ControlPersist=30',
      )
    }
    return [
      ...options.flatMap((option) => ['-o', option]),
      '-T',
      ...(endpoint.port ? ['-p', String(endpoint.port)] : []),
      '--',
      endpoint.destination,
      ...(endpoint.socket
        ? [`docker --host unix://${endpoint.socket} system dial-stdio`]
        : ['docker system dial-stdio']),
    ]
  }

  /** Drops connections that wait for reuse: after the engine went away they are dead. */
  forgetIdle(): void {
    for (const free of Object.values(this.agent.freeSockets))
      for (const socket of free ?? []) socket.destroy()
  }

  /** Ends every connection, in use or not. */
  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    const lost = Object.assign(new Error('connection lost: the driver was closed'), { code: 'ECONNRESET' })
    for (const socket of [...this.#sockets]) socket.destroy(lost)
    this.agent.destroy()
    await this.#endControlMaster()
  }

  async #endControlMaster(): Promise<void> {
    const endpoint = this.#endpoint
    const folder = this.#controlFolder
    if (!folder || endpoint.kind !== 'ssh') return
    this.#controlFolder = undefined
    await this.#platform.processes.run('ssh', [
      '-o',
      `ControlPath=${join(folder, 'master')}`,
      '-O',
      'exit',
      ...(endpoint.port ? ['-p', String(endpoint.port)] : []),
      '--',
      endpoint.destination,
    ])
    rmSync(folder, { recursive: true, force: true })
  }
}
