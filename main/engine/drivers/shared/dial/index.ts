import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { cancelled, problem } from '#contract'
import type { Logger } from '../../../platform/logger'
import type { RelaySocket } from '../../driver'
import { dialDirect } from './direct'
import {
  type Exec,
  isRelayMethod,
  type Method,
  parseProbe,
  probeCommand,
  relayMethods,
  relayProgram,
} from './methods'
import { connectionLost, hasCode, Relay } from './relay'
import { type OpenSocket, SocketRelays } from './socket-relays'

/** How long a relay may take to start; an interpreter on a loaded machine is slow, a broken one is not for ever. */
const START_LIMIT = 20_000

export interface DialerDependencies {
  readonly exec: Exec
  readonly logger: Logger
  /** The image a container was made of: what an image has in it is asked once. */
  imageIdOf(id: string): Promise<string>
  /** Absent: no socket in a container is reached from here. */
  readonly openSocket?: OpenSocket
}

export interface Dialer {
  /** See {@link Driver.dial}. */
  dial(
    id: string,
    port: number,
    signal: AbortSignal,
    relay?: () => Promise<RelaySocket | undefined>,
  ): Promise<Duplex>
  /** Whether a relay is there that the next connection costs next to nothing. If not, one is started where there can be. */
  isReady(id: string): boolean
  /** The container is gone or was replaced: ends what goes over it. */
  forget(id: string): void
  dispose(): void
}

/**
 * Reaches ports of a running container that listen on localhost, with nothing published: through a relay that runs in it
 * already, where its socket can be reached, which carries bulk twice as fast; else through exec and whatever the image
 * has in it, one long-lived relay where there is Node, Python 3 or Perl, else one exec per connection.
 */
export function createDialer(dependencies: DialerDependencies): Dialer {
  const { exec, logger } = dependencies
  /** What each image has, best first; a method that turned out not to work is taken off. */
  const ladders = new Map<string, Promise<Method[]>>()
  const relays = new Map<string, Promise<Relay>>()
  const live = new Map<string, Relay>()
  /** Containers for which a relay is being started beforehand, or cannot be. */
  const prepared = new Set<string>()
  const running = dependencies.openSocket && new SocketRelays(dependencies.openSocket, logger)
  let disposed = false

  async function ladderOf(id: string): Promise<{ ladder: Method[]; again(): void }> {
    const image = await dependencies.imageIdOf(id)
    let ladder = ladders.get(image)
    if (!ladder) {
      ladder = probe(exec, id)
      ladders.set(image, ladder)
      ladder.catch(() => ladders.delete(image))
    }
    return { ladder: await ladder, again: () => ladders.delete(image) }
  }

  async function startRelay(id: string, ladder: Method[]): Promise<Relay> {
    for (let method = ladder[0]; method && isRelayMethod(method); method = ladder[0]) {
      const started = await launch(method, id)
      if (started) return started
      // Several containers of one image may come here together: take off what failed, not whatever is first now.
      const at = ladder.indexOf(method)
      if (at >= 0) ladder.splice(at, 1)
    }
    throw unsupported()
  }

  async function launch(method: Method, id: string): Promise<Relay | undefined> {
    if (!isRelayMethod(method)) return undefined
    const { command, source } = relayProgram(method)
    const process = await exec(id, { command }, AbortSignal.timeout(START_LIMIT)).catch(orNothing)
    if (!process) return undefined
    const relay = new Relay(process)
    process.stdin.write(source)
    const timer = setTimeout(() => relay.destroy(), START_LIMIT)
    try {
      await relay.ready
      return relay
    } catch (error) {
      const exit = await process.exit
      // The connection broke, or the container stopped: says nothing about the image.
      if (exit.problem && exit.problem.code !== 'command-not-found' && exit.problem.code !== 'exec-failed')
        throw error
      logger.info('a relay did not start', { workspace: id, method, complaint: relay.complaint })
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  function relayOf(id: string, ladder: Method[]): Promise<Relay> {
    const present = live.get(id)
    if (present && !present.ended) return Promise.resolve(present)
    const starting = relays.get(id)
    if (starting) return starting
    const promise = startRelay(id, ladder).then((relay) => {
      if (disposed || relays.get(id) !== promise) {
        relay.destroy()
        throw cancelled('The connection')
      }
      relays.delete(id)
      live.set(id, relay)
      return relay
    })
    relays.set(id, promise)
    promise.catch(() => {
      if (relays.get(id) === promise) relays.delete(id)
    })
    return promise
  }

  async function connect(
    id: string,
    port: number,
    signal: AbortSignal,
    relay?: () => Promise<RelaySocket | undefined>,
  ): Promise<Duplex> {
    const there = relay && running && (await unless(signal, running.of(id, relay)))
    if (!there) return connectByExec(id, port, signal)
    try {
      return await there.open(port, signal)
    } catch (error) {
      // It may have died without our knowing.
      if (!there.ended || signal.aborted) throw error
      return connectByExec(id, port, signal)
    }
  }

  async function connectByExec(id: string, port: number, signal: AbortSignal): Promise<Duplex> {
    const { ladder, again } = await unless(signal, ladderOf(id))
    const before = live.get(id)
    if (ladder[0] && isRelayMethod(ladder[0])) {
      try {
        const relay = await unless(signal, relayOf(id, ladder))
        return await relay.open(port, signal).catch(async (error: unknown) => {
          // One from before may have died without our knowing: then a new one is the answer, once.
          if (relay !== before || !relay.ended || signal.aborted) throw error
          return (await unless(signal, relayOf(id, ladder))).open(port, signal)
        })
      } catch (error) {
        if (!hasCode(error, 'dial-unsupported')) throw error
      }
    }
    const method = ladder[0]
    if (!method || isRelayMethod(method)) {
      // The user may install something: ask again next time.
      again()
      throw unsupported()
    }
    return dialDirect(exec, id, method, port, signal)
  }

  async function prepare(id: string): Promise<void> {
    const { ladder } = await ladderOf(id)
    if (!ladder[0] || !isRelayMethod(ladder[0])) return
    await relayOf(id, ladder)
    prepared.delete(id)
  }

  return {
    isReady(id) {
      const present = live.get(id)
      if (present && !present.ended) return true
      if (disposed || prepared.has(id)) return false
      prepared.add(id)
      prepare(id).catch((error: unknown) => {
        // The way to it broke, or it has just stopped: says nothing about the next time.
        if (!hasCode(error, 'dial-unsupported')) prepared.delete(id)
        logger.debug('no relay beforehand', { workspace: id, error: String(error) })
      })
      return false
    },
    async dial(id, port, signal, relay) {
      if (disposed) throw cancelled('The connection')
      try {
        return await connect(id, port, signal, relay)
      } catch (error) {
        if (signal.aborted) throw cancelled('The connection')
        throw error
      }
    },
    forget(id) {
      prepared.delete(id)
      running?.forget(id)
      relays.delete(id)
      live.get(id)?.destroy()
      live.delete(id)
    },
    dispose() {
      disposed = true
      running?.dispose()
      relays.clear()
      for (const relay of live.values()) relay.destroy()
      live.clear()
      ladders.clear()
    },
  }
}

async function probe(exec: Exec, id: string): Promise<Method[]> {
  const process = await exec(id, { command: probeCommand }, AbortSignal.timeout(START_LIMIT)).catch(orNothing)
  // Without a shell there may still be an interpreter: each is simply tried.
  if (!process) return [...relayMethods]
  process.stdin.end()
  process.stderr?.resume()
  const timer = setTimeout(() => process.destroy(), START_LIMIT)
  const output = await text(process.stdout).catch(() => '')
  const exit = await process.exit
  clearTimeout(timer)
  if (exit.code === 0) return [...parseProbe(output)]
  if (exit.code === 126 || exit.code === 127) return [...relayMethods]
  throw exit.problem ? problem(exit.problem) : connectionLost('the workspace did not say what it has')
}

/** Nothing where the program is not there or cannot start; a workspace that does not answer in time is as good as lost. */
function orNothing(error: unknown): undefined {
  if (hasCode(error, 'command-not-found') || hasCode(error, 'exec-failed')) return undefined
  if (hasCode(error, 'cancelled')) throw connectionLost('the workspace does not answer')
  throw error
}

function unsupported() {
  return problem({
    code: 'dial-unsupported',
    title: 'Ports of this image cannot be reached',
    cause:
      'Berth needs one of node, python3, perl, socat, nc or bash in the workspace to reach its ports, and this image has none that works.',
    remedy: 'Use an image that has one of them, or install one in the workspace.',
  })
}

/** Gives up waiting, but not the work, when the signal aborts: others may wait for the same work. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
