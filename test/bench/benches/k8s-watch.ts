import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { paths } from '../../../main/engine/drivers/kubernetes/workspace/anatomy'
import { type Bench, CannotRun } from '../bench'
import { bareApi } from '../kubernetes/api'
import { type Named, StoppedWorkspaces } from '../kubernetes/objects'
import { openPlace } from '../kubernetes/place'
import { type Relay, startRelay } from '../kubernetes/relay'
import { type BenchEngine, benchName, openEngine } from '../workspace'

/** Workspaces that are there before a fault. */
const PRESENT = 30
/** Of each kind of change while the engine is cut off: workspaces made, removed, renamed. */
const CHANGES = 10
/** Milliseconds within which the engine has to find the truth, whatever its target; after them the bench breaks. */
const PATIENCE = 90_000
/** After the truth was found: what is still on its way would show now. */
const AFTERWARDS = 1_000

/**
 * What breaks the connection to the API server, and changes things there. Resolves with the moment from which on the
 * engine could have known: when it was cut, or when the server could be reached again.
 */
type Fault = (change: () => Promise<void>) => Promise<number>

interface Scene {
  readonly relay: Relay
  readonly workspaces: StoppedWorkspaces
  readonly engine: BenchEngine
  readonly faults: Readonly<Record<'reset' | 'restart' | 'expired' | 'half-open', Fault>>
  dispose(): Promise<void>
}

const bench = (
  name: string,
  title: string,
  atMost: number,
  rounds: number,
  kinds: readonly (keyof Scene['faults'])[],
): Bench => ({
  name,
  title,
  unit: 's',
  target: { kind: 'value', atMost },
  rounds,
  // Every one of them has to be in time.
  quantile: 1,
  async prepare() {
    const scene = await openScene()
    const worst = new Map<string, number>()
    const wrong = { missed: 0, ghosts: 0, stale: 0 }
    let round = 0
    return {
      async ours() {
        const kind = kinds[round % kinds.length] ?? 'reset'
        round += 1
        const seconds = await timeToTruth(scene, scene.faults[kind])
        worst.set(kind, Math.max(worst.get(kind) ?? 0, seconds))
        await new Promise((resolve) => setTimeout(resolve, AFTERWARDS))
        const found = await differences(scene)
        wrong.missed += found.missed
        wrong.ghosts += found.ghosts
        wrong.stale += found.stale
        return seconds
      },
      facts: async () => [
        ...[...worst].map(([kind, seconds]) => ({
          what: `worst after ${kind} (<= ${atMost} s)`,
          value: `${seconds.toFixed(2)} s`,
          pass: seconds <= atMost,
        })),
        ...Object.entries(wrong).map(([what, count]) => ({
          what: `${what} objects (0)`,
          value: String(count),
          pass: count === 0,
        })),
      ],
      dispose: () => scene.dispose(),
    }
  },
})

export const watches: readonly Bench[] = [
  bench(
    'k8s-watch',
    'the engine’s list is true again after RST, a restart of the API server and 410, in turn; the slowest',
    2,
    9,
    ['reset', 'restart', 'expired'],
  ),
  bench('k8s-watch-half-open', 'the same over a connection that is dead without saying so', 20, 7, [
    'half-open',
  ]),
]

async function openScene(): Promise<Scene> {
  const place = await openPlace()
  const { own } = place
  if (!own) {
    await place.dispose()
    throw new CannotRun('the cluster is somebody else’s: its API server is not restarted')
  }
  const relay = await startRelay(place.access.server)
  const folder = await mkdtemp(join(tmpdir(), 'berth-bench-'))
  const kubeconfig = join(folder, 'kubeconfig')
  const api = bareApi(place.access)
  const path = paths(place.namespace).statefulSets
  await writeFile(
    kubeconfig,
    (await readFile(place.kubeconfig, 'utf8')).replace(place.access.server, relay.server),
    { mode: 0o600 },
  )
  const workspaces = new StoppedWorkspaces(api, place.namespace)
  await workspaces.make(Array.from({ length: PRESENT }, benchName))
  const engine = await openEngine({ targetId: place.targetId, env: { KUBECONFIG: kubeconfig } })
  return {
    relay,
    workspaces,
    engine,
    faults: {
      reset: async (change) => {
        const from = performance.now()
        relay.reset()
        await change()
        return from
      },
      restart: async (change) => {
        await own.restartApiServer()
        const from = performance.now()
        await change()
        return from
      },
      expired: async (change) => {
        const { metadata } = await api.call<Versioned>('GET', path)
        await relay.shut()
        await change()
        await own.restartApiServer()
        await mustBeExpired(api, path, metadata.resourceVersion)
        await relay.open()
        return performance.now()
      },
      'half-open': async (change) => {
        const from = performance.now()
        relay.freeze()
        await change()
        return from
      },
    },
    dispose: async () => {
      await engine.dispose()
      api.dispose()
      await relay.dispose()
      await rm(folder, { recursive: true, force: true })
      await place.dispose()
    },
  }
}

interface Versioned {
  readonly metadata: { readonly resourceVersion: string }
}

/** A server that has just begun remembers nothing of before: who watches from there has to be told so. */
async function mustBeExpired(api: ReturnType<typeof bareApi>, path: string, version: string): Promise<void> {
  const over = new AbortController()
  const limit = AbortSignal.any([over.signal, AbortSignal.timeout(10_000)])
  let code: number | undefined
  await api.watch<{ readonly code?: number }>(
    `${path}?watch=true&resourceVersion=${version}`,
    ({ object }) => {
      code ??= object.code ?? 0
      over.abort()
    },
    limit,
  )
  if (code !== 410) throw new Error(`the server answers ${code ?? 'nothing'} in place of 410`)
}

/** Seconds until the engine has all that was changed. */
async function timeToTruth(scene: Scene, fault: Fault): Promise<number> {
  const { workspaces, relay } = scene
  await untilTrue(scene)
  const from = await fault(() => changeSome(workspaces))
  const seconds = ((await untilTrue(scene)) - from) / 1000
  relay.thaw()
  return seconds
}

async function changeSome(workspaces: StoppedWorkspaces): Promise<void> {
  const present = [...(await workspaces.truth())].map(([id, name]): Named => ({ id, name }))
  const removed = present.slice(0, CHANGES)
  const renamed = present.slice(CHANGES, 2 * CHANGES)
  await Promise.all([
    workspaces.remove(removed),
    workspaces.make(Array.from({ length: CHANGES }, benchName)),
    ...renamed.map((one) => workspaces.rename(one, benchName())),
  ])
}

/** Resolves with the moment from which on the engine's list was what the API server has. */
async function untilTrue(scene: Scene): Promise<number> {
  const { engine, workspaces } = scene
  const expected = await workspaces.truth()
  const { collections } = engine.engine
  const holds = () => {
    const found = differ(expected, seen(engine))
    return found.missed + found.ghosts + found.stale === 0
  }
  return new Promise((resolve, reject) => {
    const check = () => {
      if (!holds()) return
      stop()
      resolve(performance.now())
    }
    const stops = [collections.workspaces.onChange(check), collections.targets.onChange(check)]
    const stop = () => {
      clearTimeout(limit)
      for (const one of stops) void one()
    }
    const limit = setTimeout(() => {
      stop()
      reject(
        new Error(`not true after ${PATIENCE / 1000} s: ${JSON.stringify(differ(expected, seen(engine)))}`),
      )
    }, PATIENCE)
    check()
  })
}

interface Differences {
  /** On the server, and not in the list. */
  readonly missed: number
  /** In the list, and not on the server. */
  readonly ghosts: number
  /** In both, by another name. */
  readonly stale: number
}

async function differences(scene: Scene): Promise<Differences> {
  return differ(await scene.workspaces.truth(), seen(scene.engine))
}

function differ(truth: ReadonlyMap<string, string>, list: ReadonlyMap<string, string>): Differences {
  return {
    missed: [...truth.keys()].filter((id) => !list.has(id)).length,
    ghosts: [...list.keys()].filter((id) => !truth.has(id)).length,
    stale: [...truth].filter(([id, name]) => list.has(id) && list.get(id) !== name).length,
  }
}

/** Names by id, as the engine's clients have them; nothing while the engine says that they may not hold. */
function seen({ engine }: BenchEngine): ReadonlyMap<string, string> {
  const { workspaces, targets } = engine.collections
  const kubernetes = targets.list().filter(({ kind }) => kind === 'kubernetes')
  if (kubernetes.some(({ state }) => state !== 'ready')) return new Map()
  const ids = new Set(kubernetes.map(({ id }) => id))
  return new Map(
    workspaces
      .list()
      .filter(({ targetId }) => ids.has(targetId))
      .map(({ id, name }) => [id, name]),
  )
}
