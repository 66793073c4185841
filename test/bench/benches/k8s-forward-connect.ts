import { connect } from 'node:net'
import type { Bench } from '../bench'
import { referenceText } from '../kubernetes/cluster'
import { berthForward, kubectlForward } from '../kubernetes/forward'
import { openPlace } from '../kubernetes/place'
import { SERVER_PORT, say, startPodServer } from '../kubernetes/pod-server'
import { median, quantile } from '../statistics'

const CONNECTIONS = 500
const PARALLEL = 50
/** Milliseconds for a connection's answer, and then for its end. */
const ANSWER_LIMIT = 10_000
/** Of p99, ours / reference. */
const P99_AT_MOST = 1

export const forwardConnect: Bench = {
  name: 'k8s-forward-connect',
  title: 'connect and one byte back, p50 of 500, 50 at a time / kubectl port-forward to the same pod',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 0.8 },
  rounds: 7,
  async prepare() {
    const { dispose, ours, place, reference } = await openForwards()
    const late = { ours: [] as number[], reference: [] as number[] }
    const endless = new Map<number, number>()
    const measured = async (port: number, into: number[]) => {
      const times = await connections(port, endless)
      into.push(quantile(times, 0.99))
      return quantile(times, 0.5)
    }
    return {
      ours: () => measured(ours.localPort, late.ours),
      reference: () => measured(reference.localPort, late.reference),
      async facts() {
        const ratio = median(late.ours.map((value, round) => value / (late.reference[round] ?? Number.NaN)))
        return [
          {
            what: `p99 (<= ${P99_AT_MOST}x)`,
            value: `${median(late.ours).toFixed(0)} ms against ${median(late.reference).toFixed(0)} ms, ${ratio.toFixed(2)}x`,
            pass: ratio <= P99_AT_MOST,
          },
          endlessFact(endless, ours.localPort, reference.localPort),
          { what: 'reference', value: await referenceText(place), pass: true },
        ]
      },
      dispose,
    }
  },
}

/** One at a time, as a browser's first connection to an app is. */
export const linkConnect: Bench = {
  name: 'k8s-link-connect',
  title: 'connect and one byte back, p50 of 100, one at a time / kubectl port-forward to the same pod',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 0.5 },
  rounds: 7,
  async prepare() {
    const { dispose, ours, place, reference } = await openForwards()
    const endless = new Map<number, number>()
    const measured = async (port: number) => quantile(await connections(port, endless, 1, 100), 0.5)
    return {
      ours: () => measured(ours.localPort),
      reference: () => measured(reference.localPort),
      facts: async () => [
        endlessFact(endless, ours.localPort, reference.localPort),
        { what: 'reference', value: await referenceText(place), pass: true },
      ],
      dispose,
    }
  },
}

/** Berth's forward and kubectl's to the same server in the same pod. */
async function openForwards() {
  const place = await openPlace()
  const workspace = await place.berth.workspace()
  await startPodServer(place, workspace.container)
  const ours = await berthForward(place, workspace, SERVER_PORT)
  const reference = await kubectlForward(place, workspace.container, SERVER_PORT)
  const dispose = async () => {
    await ours.dispose()
    await reference.dispose()
    await place.dispose()
  }
  return { dispose, ours, place, reference }
}

/** How many connections answered and never ended: kubectl loses an end now and then. */
function endlessFact(endless: ReadonlyMap<number, number>, ours: number, reference: number) {
  const own = endless.get(ours) ?? 0
  const value = `${own} against ${endless.get(reference) ?? 0}`
  return { what: 'connections whose end never came (0)', value, pass: own === 0 }
}

/**
 * Milliseconds of each connection.
 * @param endless by port, how many answered and did not end
 */
async function connections(
  port: number,
  endless: Map<number, number>,
  parallel = PARALLEL,
  count = CONNECTIONS,
): Promise<number[]> {
  const times: number[] = []
  let begun = 0
  const work = async () => {
    while (begun < count) {
      begun += 1
      const { hasEnded, took } = await one(port)
      times.push(took)
      if (!hasEnded) endless.set(port, (endless.get(port) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return times
}

function one(port: number): Promise<{ readonly took: number; readonly hasEnded: boolean }> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    let took: number | undefined
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write(say.echo))
    let hasEnded = true
    const limit = setTimeout(() => {
      hasEnded = false
      socket.destroy()
    }, ANSWER_LIMIT)
    socket.once('data', () => {
      took = performance.now() - started
      socket.end()
      limit.refresh()
    })
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(limit)
      if (took === undefined) reject(new Error('a connection ended without an answer'))
      else resolve({ took, hasEnded })
    })
  })
}
