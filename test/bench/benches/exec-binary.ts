import { spawn } from 'node:child_process'
import type { Bench } from '../bench'
import { countBytes, digestOf, megabytesPerSecond } from '../drain'
import { inContainer, openEngine } from '../workspace'

const SIZE = 200_000_000
const FILE = '/var/tmp/binary'

/** Random bytes out of a container, read here in both cases. */
export const execBinary: Bench = {
  name: 'exec-binary',
  title: '200 MB out of a container / docker exec',
  unit: 'MB/s',
  target: { kind: 'ratio', atLeast: 1 },
  rounds: 9,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await inContainer(workspace.container, `head -c ${SIZE} /dev/urandom > ${FILE}`)
    const link = berth.engine.links.get(workspace.id)
    const read = async () => {
      const running = await link.exec({ command: ['cat', FILE] })
      running.stdin.end()
      return running
    }
    return {
      async ours() {
        const started = performance.now()
        const running = await read()
        const bytes = await countBytes(running.stdout)
        const { code } = await running.exit
        if (bytes !== SIZE || code !== 0) throw new Error(`${bytes} of ${SIZE} bytes came, exit code ${code}`)
        return megabytesPerSecond(SIZE, performance.now() - started)
      },
      async reference() {
        const started = performance.now()
        const child = spawn('docker', ['exec', workspace.container, 'cat', FILE], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const bytes = await countBytes(child.stdout)
        if (bytes !== SIZE) throw new Error(`docker exec gave ${bytes} of ${SIZE} bytes`)
        return megabytesPerSecond(SIZE, performance.now() - started)
      },
      async facts() {
        const expected = (await inContainer(workspace.container, `sha256sum ${FILE}`)).split(' ')[0]
        const running = await read()
        const digest = await digestOf(running.stdout)
        return [
          { what: 'sha256', value: digest === expected ? 'equal' : 'different', pass: digest === expected },
        ]
      },
      dispose: () => berth.dispose(),
    }
  },
}
