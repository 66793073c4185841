import { connect } from 'node:net'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
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
        { what: 'reference', value: `kubectl ${place.kubectl.version}`, pass: true },
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

async function one(port: number, size: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write(say.send(size)))
  const bytes = await countBytes(socket)
  socket.destroy()
  if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came`)
}
