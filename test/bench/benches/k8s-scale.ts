import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchBerth, makeHome, windowUser } from '../../e2e/launch'
import type { Bench } from '../bench'
import { bareApi } from '../kubernetes/api'
import { StoppedWorkspaces } from '../kubernetes/objects'
import { openPlace, type Place } from '../kubernetes/place'
import { yielding } from '../kubernetes/yielding'
import { type PageTask, recordPageTasks } from '../page-tasks'
import { memoryOf, withApplication } from '../window'

const WORKSPACES = 2_000
/** Milliseconds of the longest frame. */
const FRAME_AT_MOST = 50
/** Milliseconds for a window that has come up to be at rest, and after which its memory is looked at. */
const SETTLE = 3_000
const AT_REST = 10_000
/** Milliseconds of a list that is shown in which nothing may block the window either. */
const CALM = 3_000

/** What the page measures. */
interface Seen {
  /** Milliseconds since the epoch at which the first rows were painted, with the number of all. */
  readonly painted: number
  /** Milliseconds from a jump to the list's end until its last row is painted. */
  readonly jump: number
  /** The longest time between two frames until then, and `CALM` milliseconds longer. */
  readonly longestFrame: number
}

/**
 * A cluster with very many workspaces is added to the kubeconfig of an open window. Other machines do a cluster's work:
 * here it has the processor when the window does not want it.
 */
export const scale: Bench = {
  name: 'k8s-scale',
  title: '2,000 workspaces on the API server: from the kubeconfig to their list on the screen',
  unit: 's',
  target: { kind: 'value', atMost: 2 },
  rounds: 7,
  prepare: () =>
    withApplication(async () => {
      const place = await openPlace()
      const api = bareApi(place.access)
      const names = Array.from({ length: WORKSPACES }, (_, at) => `bench-${String(at).padStart(4, '0')}`)
      const workspaces = new StoppedWorkspaces(api, place.namespace)
      await workspaces.make(names)
      await workspaces.settled()
      const undo = await yielding(place)
      const frames: number[] = []
      const works: number[] = []
      const jumps: number[] = []
      const memory: { readonly before: number; readonly after: number }[] = []
      return {
        async ours() {
          const { listed, seen, tasks, before, after } = await show(place)
          // Times of frames are multiples of the screen's period: the third of a second's sixtieth is at 50 ms, or a hair above.
          frames.push(Math.round(seen.longestFrame))
          // A recording may have lost the name of the page's thread.
          if (tasks.length > 0) works.push(Math.round(Math.max(...tasks.map(({ worked }) => worked))))
          jumps.push(seen.jump)
          memory.push({ before, after })
          return (seen.painted - listed) / 1000
        },
        facts: async () => [
          {
            what: `longest blocked frame of the window (<= ${FRAME_AT_MOST} ms)`,
            value: `${Math.max(...frames)} ms, by round ${frames.join(', ')}`,
            pass: Math.max(...frames) <= FRAME_AT_MOST,
          },
          {
            what: 'most processor time that the page took in one go: what a frame took longer, others had the processor',
            value: `${Math.max(...works)} ms, by round ${works.join(', ')}`,
            pass: true,
          },
          {
            what: 'from a jump to the list’s end until its last row is there, longest',
            value: `${Math.max(...jumps).toFixed(0)} ms`,
            pass: true,
          },
          {
            what: 'memory of all processes (PSS), without and with the list, highest',
            value: `${Math.max(...memory.map(({ before }) => before)).toFixed(0)} MB, ${Math.max(...memory.map(({ after }) => after)).toFixed(0)} MB`,
            pass: true,
          },
        ],
        async dispose() {
          await undo()
          api.dispose()
          await place.dispose()
        },
      }
    }),
}

async function show(place: Place): Promise<{
  readonly listed: number
  readonly seen: Seen
  readonly tasks: readonly PageTask[]
  readonly before: number
  readonly after: number
}> {
  const home = await makeHome()
  const folder = join(home.path, '.kube')
  await mkdir(folder)
  const user = await windowUser()
  await user.own(folder)
  const file = join(folder, 'config')
  const berth = await launchBerth({
    home,
    // No Docker: its absence is told, and its workspaces are not in the list.
    env: { KUBECONFIG: file, DOCKER_HOST: `unix://${join(home.path, 'none.sock')}` },
    size: { width: 1280, height: 800 },
  })
  try {
    await pause(SETTLE)
    const before = await memoryOf(home.path)
    const tasks = await recordPageTasks(berth.app)
    const seen = watchPage(berth.page)
    await writeFile(`${file}.new`, await readFile(place.kubeconfig), { mode: 0o600 })
    await user.own(folder)
    const listed = Date.now()
    await rename(`${file}.new`, file)
    const found = await seen
    const done = await tasks()
    await pause(AT_REST)
    return { listed, seen: found, tasks: done, before, after: await memoryOf(home.path) }
  } finally {
    await berth.close()
    await home.dispose()
  }
}

/** Begins at once; resolves when the list has been shown and its end jumped to. */
function watchPage(page: Page): Promise<Seen> {
  return page.evaluate(
    ([count, calm]) =>
      new Promise<Seen>((resolve) => {
        let longestFrame = 0
        let painted = 0
        let jumped = 0
        let jump = 0
        let last = performance.now()
        const list = () => document.querySelector('ul[aria-label="Workspaces"]')
        const frame = (now: number) => {
          longestFrame = Math.max(longestFrame, now - last)
          last = now
          const told = document.querySelector('[aria-label="State"]')?.textContent?.includes(`All ${count}`)
          // This callback comes before the frame that shows what it sees.
          if (painted === 0 && told && list()?.querySelector('[data-index="0"]'))
            requestAnimationFrame(() => {
              painted ||= performance.now()
            })
          if (painted > 0 && jumped === 0 && now > painted + calm) {
            jumped = now
            list()?.lastElementChild?.scrollIntoView({ block: 'end' })
          }
          if (jumped > 0 && jump === 0 && list()?.querySelector(`[data-index="${count - 1}"]`))
            jump = now - jumped
          if (jump > 0 && now > jumped + jump + calm)
            resolve({ painted: performance.timeOrigin + painted, jump, longestFrame })
          else requestAnimationFrame(frame)
        }
        requestAnimationFrame(frame)
      }),
    [WORKSPACES, CALM] as const,
  )
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
