import { connect } from 'node:net'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
import { publishedServer, startServer } from '../published'
import { openEngine } from '../workspace'

const SIZE = 500_000_000
const PORT = 9000

export const forwardBulk: Bench = {
  name: 'forward-bulk',
  title: '500 MB through a forward / the same container with a published port',
  unit: 'MB/s',
  target: { kind: 'report' },
  rounds: 7,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await startServer(workspace.container, PORT, SIZE)
    const published = await publishedServer(SIZE)
    const { localPort } = await berth.engine.call('ports.forward', { workspaceId: workspace.id, port: PORT })
    return {
      ours: () => download(localPort),
      reference: () => download(published.port),
      async dispose() {
        await published.dispose()
        await berth.dispose()
      },
    }
  },
}

/** The same, with the target of what all goes over one link. */
export const linkBulk: Bench = {
  ...forwardBulk,
  name: 'link-bulk',
  target: { kind: 'ratio', atLeast: 0.5 },
}

async function download(port: number): Promise<number> {
  const started = performance.now()
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write('b'))
  const bytes = await countBytes(socket)
  socket.destroy()
  if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes came`)
  return megabytesPerSecond(SIZE, performance.now() - started)
}
