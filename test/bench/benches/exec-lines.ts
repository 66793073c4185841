import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { StreamDown } from '#contract'
import { ACK_EVERY } from '#contract'
import { endpointPair } from '../../../main/engine/platform/endpoint-pair'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
import { type BenchEngine, inContainer, openEngine } from '../workspace'

const LINES = 5_000_000
const LINE = 20
const SIZE = LINES * LINE
/** As long as all others, so that the size is what it says. */
const LAST = '9876543210987654321'

/** Short lines are what a log stream is slow at: each has a frame of its own. */
export const execLines: Bench = {
  name: 'exec-lines',
  title: '100 MB of 20-byte lines through logs / docker logs',
  unit: 'MB/s',
  target: { kind: 'ratio', atLeast: 0.8 },
  rounds: 7,
  async prepare({ say }) {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    say('exec-lines: filling the log, which takes a while')
    const fill = `{ yes 0123456789012345678 | head -n ${LINES - 1}; echo ${LAST}; } > /proc/1/fd/1`
    await inContainer(workspace.container, fill)
    await untilLogged(workspace.container)
    return {
      async ours() {
        const started = performance.now()
        const bytes = await readLogs(berth, workspace.id)
        if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes came`)
        return megabytesPerSecond(SIZE, performance.now() - started)
      },
      async reference() {
        const started = performance.now()
        const child = spawn('docker', ['logs', workspace.container], { stdio: ['ignore', 'pipe', 'ignore'] })
        const bytes = await countBytes(child.stdout)
        if (bytes !== SIZE) throw new Error(`docker logs gave ${bytes} of ${SIZE} bytes`)
        return megabytesPerSecond(SIZE, performance.now() - started)
      },
      dispose: () => berth.dispose(),
    }
  },
}

/** Through the stream that a window reads, acknowledged as a window does. Counts what came on stdout. */
function readLogs(berth: BenchEngine, workspaceId: string): Promise<number> {
  const [client, server] = endpointPair()
  return new Promise((resolve, reject) => {
    let bytes = 0
    let unacknowledged = 0
    client.onMessage((raw) => {
      const message = raw as StreamDown<'logs'>
      if (message.type === 'end') {
        client.close()
        if (message.message) reject(new Error(message.message))
        else resolve(bytes)
        return
      }
      if (message.channel === 'stdout') bytes += message.data.length
      unacknowledged += message.data.length
      if (unacknowledged < ACK_EVERY) return
      client.post({ type: 'ack', bytes: unacknowledged })
      unacknowledged = 0
    })
    berth.engine.open('logs', { workspaceId, follow: false }, server)
  })
}

/** The engine writes its log late: all of it is there once the last line can be read. */
async function untilLogged(container: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const child = spawn('docker', ['logs', '--tail', '1', container], { stdio: ['ignore', 'pipe', 'ignore'] })
    if ((await text(child.stdout)).trim() === LAST) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error('the log did not come to its end')
}
