import { spawn } from 'node:child_process'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
import { execFile } from '../exec-file'
import { inContainer, openEngine } from '../workspace'

const file = execFile('/var/tmp/binary', 200_000_000)

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
    await inContainer(workspace.container, file.make)
    const link = berth.engine.links.get(workspace.id)
    return {
      ours: () => file.speed(link),
      async reference() {
        const started = performance.now()
        const child = spawn('docker', ['exec', workspace.container, 'cat', file.path], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const bytes = await countBytes(child.stdout)
        if (bytes !== file.size) throw new Error(`docker exec gave ${bytes} of ${file.size} bytes`)
        return megabytesPerSecond(file.size, performance.now() - started)
      },
      async facts() {
        const expected = (await inContainer(workspace.container, `sha256sum ${file.path}`)).split(' ')[0]
        const digest = await file.digest(link)
        return [
          { what: 'sha256', value: digest === expected ? 'equal' : 'different', pass: digest === expected },
        ]
      },
      dispose: () => berth.dispose(),
    }
  },
}
