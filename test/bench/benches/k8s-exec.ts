import { spawn } from 'node:child_process'
import type { Bench } from '../bench'
import { countBytes, digestOf, megabytesPerSecond } from '../drain'
import { referenceText } from '../kubernetes/cluster'
import { openPlace } from '../kubernetes/place'
import { inPod } from '../kubernetes/pod-server'

const SIZE = 200_000_000
const FILE = '/var/tmp/binary'

/** Random bytes out of a pod, read here in both cases. */
export const exec: Bench = {
  name: 'k8s-exec',
  title: '200 MB out of a pod / kubectl exec',
  unit: 'MB/s',
  target: { kind: 'ratio', atLeast: 1 },
  rounds: 9,
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    await inPod(place, workspace.container, `head -c ${SIZE} /dev/urandom > ${FILE}`)
    const link = place.berth.engine.links.get(workspace.id)
    let cut = 0
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
        const args = ['exec', workspace.container, '--container', 'workspace', '--', 'cat', FILE]
        const child = spawn(place.kubectl.program, [...place.asDeveloper, ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const bytes = await countBytes(child.stdout)
        if (bytes < SIZE / 2) throw new Error(`kubectl exec gave ${bytes} of ${SIZE} bytes`)
        // Now and then the end of what it reads from an old server is missing: it is as fast as what came.
        if (bytes < SIZE) cut += 1
        return megabytesPerSecond(bytes, performance.now() - started)
      },
      async facts() {
        const expected = (await inPod(place, workspace.container, `sha256sum ${FILE}`)).split(' ')[0]
        const digest = await digestOf((await read()).stdout)
        return [
          { what: 'sha256', value: digest === expected ? 'equal' : 'different', pass: digest === expected },
          { what: 'runs in which kubectl exec lost the end', value: String(cut), pass: true },
          { what: 'reference', value: await referenceText(place), pass: true },
        ]
      },
      dispose: () => place.dispose(),
    }
  },
}
