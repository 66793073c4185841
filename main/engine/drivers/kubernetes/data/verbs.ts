import { posix } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { cancelled, type DataSnapshot, ProblemError, problem, toProblem } from '#contract'
import type { DataVerbs, NewSnapshot, StepReport } from '../../driver'
import { readPath, writePath } from '../streams/files'
import { dataPath, idOfName, objectName, VOLUME_ROOT } from '../workspace/anatomy'
import { workspaceGone } from '../workspace/objects'
import type { Running } from '../workspace/running'
import { type DataPodDependencies, endDataPod, type OpenDataPod, openDataPod } from './open'
import { isGivenUp, readSnapshots, readWork, snapshotKey, thisMaker, WORK, type Work } from './record'

/** Milliseconds that a workspace's programs have to end: a database writes what it holds in memory. */
const GRACE = 60_000
/** Milliseconds for what has to be done whether anybody still waits for it or not. */
const AFTERWARDS = 300_000

/** The name that the entries of an exported tar begin with, as on Docker. */
const TOP = '.berth-data'
const dataFolder = (volume: string) => posix.join(VOLUME_ROOT, dataPath(volume))
const snapshotFolder = (snapshotId: string) => posix.join(VOLUME_ROOT, 'snapshots', snapshotId)
const copyFolder = (snapshotId: string, volume: string) => posix.join(snapshotFolder(snapshotId), volume, TOP)

/** Makes folders for copies; several users may have to write to the upper ones. Arguments: root, snapshot, folders. */
const makeFolders = `
cd "$1" || exit 1
for folder in snapshots "snapshots/$2"; do
  [ -d "$folder" ] && continue
  mkdir "$folder" && chmod 1777 "$folder" || exit 1
done
shift 2
for folder; do mkdir -p "$folder" || exit 1; done
`
/** Removes folders, and the one above them if that is empty then. Arguments: the upper one, folders. */
const removeFolders = 'upper=$1; shift; rm -rf "$@" || exit 1; rmdir "$upper" 2>/dev/null; exit 0'

/**
 * See {@link DataVerbs}: snapshots are folders of the workspace's own volume, copied within it by a pod that is there
 * for nothing else. That works with every storage class and needs no right that workspaces do not need anyway. A
 * container of a pod cannot be stopped alone, so the workspace is stopped for it as a whole.
 */
export class KubernetesData implements DataVerbs {
  readonly sharesSnapshots = false
  readonly restsWhole = true
  readonly #dependencies: DataPodDependencies
  readonly #running: Running
  readonly #forget: (id: string) => void

  constructor(dependencies: DataPodDependencies, running: Running, forget: (id: string) => void) {
    this.#dependencies = dependencies
    this.#running = running
    this.#forget = forget
  }

  async snapshots(signal: AbortSignal): Promise<readonly DataSnapshot[]> {
    const { client, objects } = this.#dependencies
    try {
      return (await objects.claims(signal)).flatMap(({ metadata }) =>
        readSnapshots(metadata).filter(({ workspaceId }) => objectName(workspaceId) === metadata?.name),
      )
    } catch (error) {
      throw client.failure(error, 'The snapshots could not be listed', signal)
    }
  }

  async snapshot(
    id: string,
    snapshot: NewSnapshot,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot> {
    const title = 'The snapshot could not be taken'
    const names = snapshot.volumes.map(({ name }) => name)
    return this.#translated(title, 'Taking the snapshot', signal, () =>
      this.#resting(id, names, snapshot.id, report, signal, (pod) =>
        this.#making(pod, id, snapshot, title, signal, async () => {
          report.detail('Copying the data')
          const bytes = new Map<string, number>()
          for (const group of pod.groups()) {
            const [first = ''] = group
            const pairs = group.flatMap((name) => [dataFolder(name), copyFolder(snapshot.id, name)])
            const lines = await pod.copy(first, 'snapshot', pairs, title, signal)
            const sizes = lines
              .filter((line) => line.startsWith('bytes '))
              .map((line) => Number(line.slice(6)))
            for (const [index, name] of group.entries()) bytes.set(name, sizes[index] ?? 0)
          }
          return bytes
        }),
      ),
    )
  }

  async restore(
    id: string,
    from: { readonly workspaceId: string; readonly snapshotId: string },
    volumes: readonly string[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const title = 'The data could not be restored'
    if (from.workspaceId !== id) throw notHere(from.snapshotId)
    await this.#translated(title, 'Restoring the data', signal, async () => {
      await this.#require(id, from.snapshotId, signal)
      await this.#resting(id, volumes, undefined, report, signal, async (pod, work) => {
        report.detail('Copying the data')
        try {
          for (const group of pod.groups()) {
            const pairs = group.flatMap((name) => [copyFolder(from.snapshotId, name), dataFolder(name)])
            await pod.copy(group[0] ?? '', 'prepare', pairs, title, signal)
          }
          signal.throwIfAborted()
        } catch (error) {
          await takeBack(pod)
          throw error
        }
        // Where it is not known whether that arrived, whoever mends it finds out.
        await this.#annotate(id, { [WORK]: JSON.stringify({ ...work, whole: true }) }).catch((error) => {
          throw new HalfRestored(toProblem(error), { cause: error })
        })
        // Nobody cancels it from here on, and who is killed is followed by somebody who brings it to its end.
        try {
          await finish(pod)
        } catch {
          await finish(pod)
        }
      })
    })
  }

  async removeSnapshot(workspaceId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    const { objects } = this.#dependencies
    await this.#translated('The snapshot could not be removed', 'Removing the snapshot', signal, async () => {
      const claim = await objects.get('claims', objectName(workspaceId), signal)
      const found = readSnapshots(claim?.metadata).find(({ id }) => id === snapshotId)
      if (!found) return
      const pod = await this.#open(
        workspaceId,
        found.volumes.map(({ name }) => name),
        signal,
      )
      try {
        await this.#discard(pod, snapshotId, signal)
        await this.#annotate(workspaceId, { [snapshotKey(snapshotId)]: null })
      } finally {
        await pod.close()
      }
    })
  }

  async export(
    workspaceId: string,
    snapshotId: string,
    volume: string,
    signal: AbortSignal,
  ): Promise<Readable> {
    return this.#translated('The snapshot could not be read', 'Reading the snapshot', signal, async () => {
      await this.#require(workspaceId, snapshotId, signal)
      const pod = await this.#open(workspaceId, [volume], signal)
      try {
        const path = copyFolder(snapshotId, volume)
        const stream = await readPath(this.#dependencies.exec, pod.placeOf(volume), path, signal)
        // Whoever reads to the end wants the pod gone before the next volume is asked for.
        const out = new PassThrough({ highWaterMark: 512 * 1024 })
        out.on('error', () => undefined)
        out.once('close', () => stream.destroy())
        stream.once('error', (error) => out.destroy(error))
        stream.once('close', () => void pod.close().then(() => out.end()))
        stream.pipe(out, { end: false })
        return out
      } catch (error) {
        await pod.close()
        throw error
      }
    })
  }

  async import(
    id: string,
    snapshot: NewSnapshot,
    open: (volume: string) => Promise<Readable>,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot> {
    const title = 'The data could not be copied'
    const names = snapshot.volumes.map(({ name }) => name)
    return this.#translated(title, 'Copying the data', signal, async () => {
      const pod = await this.#open(id, names, signal)
      try {
        return await this.#making(pod, id, snapshot, title, signal, async () => {
          const bytes = new Map<string, number>()
          for (const name of names) {
            report.detail(`Copying ${name}`)
            const tar = await open(name)
            let passed = 0
            const counted = new PassThrough({ highWaterMark: 512 * 1024 })
            counted.on('data', (chunk: Buffer) => {
              passed += chunk.length
              report.progress({ current: passed, unit: 'bytes' })
            })
            counted.pause()
            tar.once('error', (error) => counted.destroy(error))
            counted.once('close', () => tar.destroy())
            const folder = posix.dirname(copyFolder(snapshot.id, name))
            await writePath(this.#dependencies.exec, pod.placeOf(name), folder, tar.pipe(counted), signal)
            bytes.set(name, passed)
          }
          return bytes
        })
      } finally {
        await pod.close()
      }
    })
  }

  /**
   * Puts right what a Berth that was killed left of a workspace's data, before it starts. Rejects with `busy` where
   * another one is at it.
   */
  async mend(id: string, signal: AbortSignal): Promise<void> {
    const { objects, platform } = this.#dependencies
    await this.#translated(
      'The workspace could not be started',
      'Starting the workspace',
      signal,
      async () => {
        const work = readWork((await objects.get('claims', objectName(id), signal))?.metadata)
        if (!work) return
        if (!isGivenUp(work, platform.clock.now()) && work.maker !== thisMaker()) throw busy()
        const pod = await this.#open(id, work.volumes, signal)
        try {
          await (work.whole ? finish(pod) : takeBack(pod))
          if (work.snapshotId !== undefined) await this.#discard(pod, work.snapshotId, signal)
          await this.#annotate(id, { [WORK]: null })
        } finally {
          await pod.close()
        }
      },
    )
  }

  async leftStopped(signal: AbortSignal): Promise<readonly string[]> {
    const { objects, platform } = this.#dependencies
    const now = platform.clock.now()
    return (await objects.claims(signal)).flatMap(({ metadata }) => {
      const work = readWork(metadata)
      const id = idOfName(metadata?.name)
      return work?.wasRunning && isGivenUp(work, now) && id !== undefined ? [id] : []
    })
  }

  /** Takes away what copies for a workspace that is being removed. */
  async abandon(id: string, signal: AbortSignal): Promise<void> {
    await this.#translated('The workspace could not be removed', 'Removing the workspace', signal, () =>
      endDataPod(this.#dependencies.objects, id, signal),
    )
  }

  /**
   * With the workspace stopped. It starts again afterwards, where it ran, whatever comes of `action`; but not on data of
   * which a part is the new one: then a start has to put that right first.
   */
  async #resting<T>(
    id: string,
    volumes: readonly string[],
    snapshotId: string | undefined,
    report: StepReport,
    signal: AbortSignal,
    action: (pod: OpenDataPod, work: Work) => Promise<T>,
  ): Promise<T> {
    const { objects, platform } = this.#dependencies
    await this.mend(id, signal)
    const { statefulSet, claim } = await objects.of(id, signal)
    if (!statefulSet) throw workspaceGone(id, claim !== undefined)
    const isWanted = (statefulSet.spec?.replicas ?? 0) > 0
    const work: Work = {
      volumes,
      ...(snapshotId !== undefined && { snapshotId }),
      ...(isWanted && { wasRunning: true }),
      maker: thisMaker(),
      since: platform.clock.now(),
    }
    signal.throwIfAborted()
    await this.#annotate(id, { [WORK]: JSON.stringify(work) })
    let isHalf = false
    try {
      if (isWanted) await this.#running.stop(id, { grace: GRACE }, report, signal)
      report.detail('Starting a pod that copies')
      const pod = await this.#open(id, volumes, signal)
      try {
        return await action(pod, work)
      } catch (error) {
        isHalf = error instanceof HalfRestored
        throw error
      } finally {
        await pod.close()
      }
    } finally {
      if (isWanted && !isHalf) {
        report.detail('Starting the workspace again')
        await this.#running.start(id, report, AbortSignal.timeout(AFTERWARDS))
      }
      this.#forget(id)
      if (!isHalf) await this.#annotate(id, { [WORK]: null })
    }
  }

  /** Makes a snapshot with what `fill` copies, and gives its sizes by volume; nothing of one that fails is left. */
  async #making(
    pod: OpenDataPod,
    id: string,
    { volumes, ...snapshot }: NewSnapshot,
    title: string,
    signal: AbortSignal,
    fill: () => Promise<ReadonlyMap<string, number>>,
  ): Promise<DataSnapshot> {
    try {
      for (const group of pod.groups()) {
        const folders = group.map((name) => copyFolder(snapshot.id, name))
        await pod.run(group[0] ?? '', makeFolders, [VOLUME_ROOT, snapshot.id, ...folders], title, signal)
      }
      const bytes = await fill()
      const taken: DataSnapshot = {
        ...snapshot,
        workspaceId: id,
        volumes: volumes.map(({ name, image }) => ({
          name,
          bytes: bytes.get(name) ?? 0,
          ...(image !== undefined && { image }),
        })),
      }
      signal.throwIfAborted()
      await this.#annotate(id, { [snapshotKey(taken.id)]: JSON.stringify(taken) })
      return taken
    } catch (error) {
      await this.#discard(pod, snapshot.id, AbortSignal.timeout(AFTERWARDS)).catch((failure: unknown) =>
        this.#dependencies.platform.logger.warn(
          'kubernetes: a snapshot that failed could not be taken back',
          {
            id,
            error: String(failure),
          },
        ),
      )
      throw error
    }
  }

  async #discard(pod: OpenDataPod, snapshotId: string, signal: AbortSignal): Promise<void> {
    for (const group of pod.groups()) {
      const folders = group.map((name) => posix.dirname(copyFolder(snapshotId, name)))
      const args = [snapshotFolder(snapshotId), ...folders]
      await pod.run(group[0] ?? '', removeFolders, args, 'The snapshot could not be removed', signal)
    }
  }

  #open(id: string, volumes: readonly string[], signal: AbortSignal): Promise<OpenDataPod> {
    return openDataPod(this.#dependencies, id, volumes, signal)
  }

  #annotate(id: string, annotations: Readonly<Record<string, string | null>>): Promise<void> {
    return this.#dependencies.objects.patch('claims', objectName(id), { metadata: { annotations } })
  }

  async #require(workspaceId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    const claim = await this.#dependencies.objects.get('claims', objectName(workspaceId), signal)
    if (!readSnapshots(claim?.metadata).some(({ id }) => id === snapshotId)) throw notHere(snapshotId)
  }

  async #translated<T>(
    title: string,
    what: string,
    signal: AbortSignal,
    action: () => Promise<T>,
  ): Promise<T> {
    try {
      return await action()
    } catch (error) {
      if (signal.aborted) throw cancelled(what)
      throw this.#dependencies.client.failure(error, title, signal)
    }
  }
}

/** Some volumes are the new ones already, and others cannot be made so. */
class HalfRestored extends ProblemError {}

/** Puts copies that are whole in place. Rejects with a `HalfRestored`. */
async function finish(pod: OpenDataPod): Promise<void> {
  try {
    await eachGroup(pod, 'finish')
  } catch (error) {
    const detail = String(error)
    throw new HalfRestored(
      {
        code: 'file-failed',
        title: 'The data could not be put in place',
        cause: 'All of it was copied, but some is not where it belongs yet.',
        remedy: 'Start the workspace: that goes on from there.',
        detail,
      },
      { cause: error },
    )
  }
}

/** Takes away copies that are not whole; the data is as it was. */
function takeBack(pod: OpenDataPod): Promise<void> {
  return eachGroup(pod, 'mend')
}

async function eachGroup(pod: OpenDataPod, verb: 'finish' | 'mend'): Promise<void> {
  const signal = AbortSignal.timeout(AFTERWARDS)
  for (const group of pod.groups())
    await pod.copy(group[0] ?? '', verb, group.map(dataFolder), 'The data could not be put right', signal)
}

function notHere(snapshotId: string) {
  return problem({
    code: 'not-found',
    title: 'There is no such snapshot',
    cause: `The volume of the workspace has no snapshot ${snapshotId}.`,
    remedy: 'It may have been removed: see the list of snapshots.',
  })
}

function busy() {
  return problem({
    code: 'busy',
    title: 'The workspace is busy',
    cause: 'Another Berth copies its data.',
    remedy: 'Wait until that is done, or cancel it there.',
  })
}
