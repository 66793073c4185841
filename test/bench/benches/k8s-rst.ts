import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import type { Bench } from '../bench'
import { referenceText } from '../kubernetes/cluster'
import { berthForward, type Forward, kubectlForward } from '../kubernetes/forward'
import { openPlace } from '../kubernetes/place'
import { digestOfSent, SERVER_PORT, say, startPodServer } from '../kubernetes/pod-server'

const CONNECTIONS = 1000
/** Of ten, so many are reset by the client in the middle of the answer. */
const RESET_OF_TEN = 3
const PARALLEL = 20
/** Bytes of an answer: more than the buffers on the way hold. */
const BODY = 1_000_000
const RESET_AFTER = 100_000
/** Milliseconds that an answer may take. */
const LIMIT = 30_000

interface Outcome {
  /** Of the connections that were not reset, the share that came whole, in percent. */
  readonly success: number
  /** Milliseconds in which no connection that was begun came whole. */
  readonly downtime: number
}

export const resets: Bench = {
  name: 'k8s-rst',
  title: '1000 connections, 30 % reset in mid-body: how many of the rest come whole / kubectl port-forward',
  unit: '%',
  target: { kind: 'value', atLeast: 100 },
  rounds: 7,
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    await startPodServer(place, workspace.container)
    const ours = await berthForward(place, workspace, SERVER_PORT)
    let worst = 0
    let died = 0
    return {
      async ours() {
        const { success, downtime } = await run(ours)
        worst = Math.max(worst, downtime)
        if (!ours.alive) throw new Error('berth forward has ended')
        return success
      },
      async reference() {
        // A new one each time: many do not outlive it.
        const reference = await kubectlForward(place, workspace.container, SERVER_PORT)
        const { success } = await run(reference)
        if (!reference.alive) died += 1
        await reference.dispose()
        return success
      },
      facts: async () => [
        { what: 'worst downtime (0 ms)', value: `${worst.toFixed(0)} ms`, pass: worst === 0 },
        { what: 'runs in which kubectl port-forward ended', value: String(died), pass: true },
        { what: 'reference', value: await referenceText(place), pass: true },
      ],
      async dispose() {
        await ours.dispose()
        await place.dispose()
      },
    }
  },
}

const digest = digestOfSent(BODY)

async function run(forward: Forward): Promise<Outcome> {
  const whole: { readonly begun: number; readonly ended: number }[] = []
  const failed: { readonly begun: number; readonly ended: number }[] = []
  let count = 0
  const work = async () => {
    while (count < CONNECTIONS && forward.alive) {
      const isReset = count % 10 < RESET_OF_TEN
      count += 1
      const begun = performance.now()
      if (isReset) {
        await resetOne(forward.localPort)
        continue
      }
      const came = await wholeOne(forward.localPort)
      ;(came ? whole : failed).push({ begun, ended: performance.now() })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  const asked = (CONNECTIONS * (10 - RESET_OF_TEN)) / 10
  return { success: (whole.length / asked) * 100, downtime: gap(failed, whole) }
}

/** The longest time from the beginning of a connection that failed to the end of the next one that came whole. */
function gap(
  failed: readonly { readonly begun: number; readonly ended: number }[],
  whole: readonly { readonly begun: number; readonly ended: number }[],
): number {
  const lengths = failed.map(({ begun, ended }) => {
    const next = whole.filter((one) => one.begun >= begun).map((one) => one.ended)
    return (next.length > 0 ? Math.min(...next) : ended) - begun
  })
  return Math.max(0, ...lengths)
}

/** Whether all of it came, and right. */
function wholeOne(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const hash = createHash('sha256')
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(say.send(BODY)))
    const settle = (came: boolean) => {
      clearTimeout(limit)
      resolve(came)
      socket.destroy()
    }
    const limit = setTimeout(() => settle(false), LIMIT)
    socket.on('data', (chunk: Buffer) => hash.update(chunk))
    socket.once('end', () => settle(hash.digest('hex') === digest))
    socket.once('error', () => settle(false))
  })
}

/** Resolves once it was reset, or could not be made. */
function resetOne(port: number): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(say.send(BODY)))
    const limit = setTimeout(() => socket.destroy(), LIMIT)
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes >= RESET_AFTER) socket.resetAndDestroy()
    })
    socket.on('error', () => undefined)
    socket.once('end', () => socket.destroy())
    socket.once('close', () => {
      clearTimeout(limit)
      resolve()
    })
  })
}
