import { startDisplay } from '../../e2e/display'
import { makeHome } from '../../e2e/launch'
import { application } from '../../harness/application'
import type { Bench } from '../bench'
import { layOutBare, timeToPaint, withApplication } from '../window'

/** Berth's page is of use when its frame and its first view are there. */
const BERTH_READY = `document.querySelector('nav') !== null && document.querySelector('h1, h2') !== null`
const BARE_READY = `document.querySelector('h1') !== null`

export const start: Bench = {
  name: 'start',
  title: 'launch to first useful paint / a bare window on the same Electron',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 1.35 },
  rounds: 11,
  prepare: () =>
    withApplication(async () => {
      const home = await makeHome()
      const bareHome = await makeHome()
      const display = await startDisplay()
      const bare = await layOutBare(bareHome, false)
      const { folder } = application()
      return {
        ours: () => timeToPaint(home, display, folder, BERTH_READY),
        reference: () => timeToPaint(bareHome, display, bare, BARE_READY),
        async dispose() {
          await display.dispose()
          await home.dispose()
          await bareHome.dispose()
        },
      }
    }),
}
