import type { Bench } from '../bench'
import { memoryOf, openBare, openBerth, withApplication } from '../window'

/** After the last action, before the first measurement, milliseconds. */
const SETTLE = 10_000
const BETWEEN = 1_000

export const idleMemory: Bench = {
  name: 'idle-memory',
  title: 'PSS of all processes, one running workspace and two terminals / a bare window',
  unit: 'MB',
  target: { kind: 'ratio', atMost: 1.6 },
  rounds: 7,
  prepare: () =>
    withApplication(async () => {
      const window = await openBerth()
      await window.openTerminal()
      await window.openTerminal()
      const bare = await openBare(false)
      await pause(SETTLE)
      return {
        async ours() {
          await pause(BETWEEN)
          return memoryOf(window.berth.home)
        },
        async reference() {
          await pause(BETWEEN)
          return memoryOf(bare.home.path)
        },
        async dispose() {
          await bare.dispose()
          await window.dispose()
        },
      }
    }),
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
