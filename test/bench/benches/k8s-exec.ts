import { spawn } from 'node:child_process'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
import { execFile } from '../exec-file'
import { referenceText } from '../kubernetes/cluster'
import { openPlace } from '../kubernetes/place'
import { inPod } from '../kubernetes/pod-server'

const file = execFile('/var/tmp/binary', 200_000_000)

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
    await inPod(place, workspace.container, file.make)
    const link = place.berth.engine.links.get(workspace.id)
    let cut = 0
    return {
      ours: () => file.speed(link),
      async reference() {
        const started = performance.now()
        const args = ['exec', workspace.container, '--container', 'workspace', '--', 'cat', file.path]
        const child = spawn(place.kubectl.program, [...place.asDeveloper, ...args], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        const bytes = await countBytes(child.stdout)
        if (bytes < file.size / 2) throw new Error(`kubectl exec gave ${bytes} of ${file.size} bytes`)
        // Now and then the end of what it reads from an old server is missing: it is as fast as what came.
        if (bytes < file.size) cut += 1
        return megabytesPerSecond(bytes, performance.now() - started)
      },
      async facts() {
        const expected = (await inPod(place, workspace.container, `sha256sum ${file.path}`)).split(' ')[0]
        const digest = await file.digest(link)
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
