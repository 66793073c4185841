import { TEST_IMAGES } from '../harness/images'
import { BerthPage } from './berth-page'
import { startWindowDocker, type WindowDocker } from './engine'
import { type BerthApp, type Home, launchBerth, makeHome } from './launch'

/** Berth in a window over an engine of its own, with a running workspace. */
export interface WorkspaceWindow {
  readonly docker: WindowDocker
  readonly home: Home
  readonly berth: BerthApp
  readonly window: BerthPage
  /** Ends all of it. */
  dispose(): Promise<void>
}

/** Makes a workspace of Debian. `prepare` puts into the home what is to be there before Berth starts. */
export async function openWorkspaceWindow(
  name: string,
  prepare: (home: Home) => Promise<void> = async () => undefined,
): Promise<WorkspaceWindow> {
  const docker = await startWindowDocker()
  let home: Home | undefined
  let berth: BerthApp | undefined
  const dispose = async () => {
    try {
      await berth?.close()
    } finally {
      await docker.dispose()
      await home?.dispose()
    }
  }
  try {
    home = await makeHome()
    await prepare(home)
    berth = await launchBerth({ env: docker.env, home })
    const window = new BerthPage(berth.page)
    await window.create(TEST_IMAGES.debian, name)
    await window.waitForState('Running')
    return { docker, home, berth, window, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
