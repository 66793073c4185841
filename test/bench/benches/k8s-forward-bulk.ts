import { connect } from 'node:net'
import type { Bench } from '../bench'
import { megabytesPerSecond } from '../drain'
import { referenceText } from '../kubernetes/cluster'
import { berthForward, type Forward, kubectlForward } from '../kubernetes/forward'
import { openPlace } from '../kubernetes/place'
import { SERVER_PORT, say, startPodServer } from '../kubernetes/pod-server'
import { median } from '../statistics'

/** Bytes of all streams together. */
const SIZE = 500_000_000

const bulk = (name: string, streams: number, atLeast: number): Bench => ({
  name,
  title: `500 MB through a forward in ${streams === 1 ? 'one stream' : `${streams} streams`} / kubectl port-forward to the same pod`,
  unit: 'MB/s',
  target: { kind: 'ratio', atLeast },
  rounds: 7,
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    await startPodServer(place, workspace.container)
    const ours = await berthForward(place, workspace, SERVER_PORT)
    const reference = await kubectlForward(place, workspace.container, SERVER_PORT)
    const times = { ours: [] as number[], reference: [] as number[] }
    const measured = async (forward: Forward, into: number[]) => {
      const before = await forward.processorTime()
      const rate = await download(forward.localPort, streams)
      into.push((await forward.processorTime()) - before)
      return rate
    }
    return {
      ours: () => measured(ours, times.ours),
      reference: () => measured(reference, times.reference),
      facts: async () => [
        {
          what: 'processor time of the forward for 500 MB',
          value: `${median(times.ours).toFixed(0)} ms against ${median(times.reference).toFixed(0)} ms`,
          pass: true,
        },
        { what: 'reference', value: await referenceText(place), pass: true },
      ],
      async dispose() {
        await ours.dispose()
        await reference.dispose()
        await place.dispose()
      },
    }
  },
})

export const forwardBulk: readonly Bench[] = [
  bulk('k8s-forward-bulk', 1, 1.1),
  bulk('k8s-forward-bulk-8', 8, 1.3),
]

async function download(port: number, streams: number): Promise<number> {
  const started = performance.now()
  await Promise.all(Array.from({ length: streams }, () => one(port, SIZE / streams)))
  return megabytesPerSecond(SIZE, performance.now() - started)
}

/** Reads into one piece of memory: the less the measuring costs, the more of the processors is left to what is measured. */
const into = Buffer.allocUnsafe(1024 * 1024)

function one(port: number, size: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let came = 0
    const onread = {
      buffer: into,
      callback: (bytes: number) => {
        came += bytes
        return true
      },
    }
    const socket = connect({ host: '127.0.0.1', port, onread }, () => socket.write(say.send(size)))
    socket.once('error', reject)
    socket.once('end', () => {
      socket.destroy()
      if (came === size) resolve()
      else reject(new Error(`${came} of ${size} bytes came`))
    })
  })
}
