import { type Readable, Transform } from 'node:stream'
import { cancelled, type DataSnapshot, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { DataVerbs, NewSnapshot, StepReport } from '../../driver'
import type { VolumeList, VolumeSummary } from '../api'
import { openArchive } from '../archive'
import type { EngineClient } from '../client'
import { dataVolume, labels, managedFilter, readLabels } from '../container/anatomy'
import { type Located, type Locator, QUICK } from '../container/locate'
import { refuseWhileMade } from '../container/maker'
import { isStatus } from '../problems'
import { dataMount, type EngineMount } from '../service/plan'
import { readServiceNotes } from '../service/services'
import {
  copyLabels,
  dataLabels,
  type Held,
  places,
  readRecord,
  recordLabels,
  recordVolume,
  snapshotVolume,
  takenSnapshot,
} from './anatomy'
import { type CopyJob, makeCopier, removeCopier, runCopier } from './copier'
import { goOn, rest, whatUses } from './hold'
import { Leftovers } from './leftovers'
import { VolumeUsage } from './usage'

/** Milliseconds for taking back what a copy made that failed. */
const TAKING_BACK = 60_000

/** See {@link DataVerbs}: snapshots are volumes of the engine, which containers of no network copy. */
export class DockerData implements DataVerbs {
  readonly sharesSnapshots = true
  readonly restsWhole = false
  /** Removals of the containers that volumes were read through; who disposes waits for them. None rejects. */
  readonly ending = new Set<Promise<void>>()
  readonly leftovers: Leftovers
  readonly #client: EngineClient
  readonly #locator: Locator
  readonly #usage: VolumeUsage

  constructor(client: EngineClient, locator: Locator, platform: Platform) {
    this.#client = client
    this.#locator = locator
    this.leftovers = new Leftovers(client, platform)
    this.#usage = new VolumeUsage(client, platform.clock)
  }

  async snapshots(signal: AbortSignal): Promise<readonly DataSnapshot[]> {
    try {
      const all = await this.#volumes([dataLabels.record], signal)
      return all.flatMap((volume) => readRecord(volume) ?? [])
    } catch (error) {
      throw this.#client.failure(error, 'The snapshots could not be listed', signal)
    }
  }

  async snapshot(
    id: string,
    snapshot: NewSnapshot,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot> {
    const title = 'The snapshot could not be taken'
    try {
      await this.leftovers.mend(id, signal)
      const located = await this.#located(id, signal)
      const { making } = readLabels(located.summary.Labels) ?? { making: '' }
      const names = snapshot.volumes.map(({ name }) => name)
      const job = {
        workspaceId: id,
        verb: 'snapshot' as const,
        places: names.flatMap((_, index) => [places.data(index), places.snapshot(index)]),
        mounts: names.flatMap((name, index) => [
          { ...dataMount(id, making, { type: 'volume', source: name, target: places.data(index) }) },
          this.#copyMount(id, snapshot.id, name, places.snapshot(index)),
        ]),
      }
      const live = (name: string) => this.#stream(dataVolume(id, name), located, signal)
      const taken = await this.#holding(located, names, report, signal, async (hold) => {
        const lines = await this.#copy(located, { ...job, held: hold.held }, hold, title, report, signal)
        if (!lines) return this.#fill(id, snapshot, located, hold, live, report, signal)
        const bytes = lines.flatMap((line) => (line.startsWith('bytes ') ? [Number(line.slice(6))] : []))
        return takenSnapshot(id, snapshot, bytes)
      })
      await this.#record(taken, signal)
      return taken
    } catch (error) {
      await this.#forget(id, snapshot.id)
      if (signal.aborted) throw cancelled('Taking the snapshot')
      throw this.#client.failure(error, title)
    }
  }

  async restore(
    id: string,
    from: { readonly workspaceId: string; readonly snapshotId: string },
    volumes: readonly string[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const title = 'The data could not be restored'
    try {
      await this.leftovers.mend(id, signal)
      await this.#requireSnapshot(from, signal)
      const located = await this.#located(id, signal)
      const { making } = readLabels(located.summary.Labels) ?? { making: '' }
      const targets = volumes.map((name, index) =>
        dataMount(id, making, { type: 'volume', source: name, target: places.data(index) }),
      )
      const sources = volumes.map((name, index) => ({
        Type: 'volume',
        Source: snapshotVolume(from.workspaceId, from.snapshotId, name),
        Target: places.snapshot(index),
        ReadOnly: true,
      }))
      const lines = await this.#holding(located, volumes, report, signal, (hold) => {
        const job: CopyJob = {
          workspaceId: id,
          verb: 'restore',
          places: volumes.flatMap((_, index) => [places.snapshot(index), places.data(index)]),
          mounts: [...targets, ...sources],
          held: hold.held,
        }
        return this.#copy(located, job, hold, title, report, signal, async (image, error) => {
          // It may have been beyond the point from which there is only forward.
          const outcome = await this.leftovers.settle(image, { ...job, mounts: targets })
          if (outcome === 'kept') throw error
        })
      })
      if (!lines) throw noShell(title)
    } catch (error) {
      if (signal.aborted) throw cancelled('Restoring the data')
      throw this.#client.failure(error, title)
    }
  }

  async sizes(
    id: string,
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    try {
      const all = await this.#usage.read(signal)
      const sized = names.map((name) => [name, all.get(dataVolume(id, name))] as const)
      return new Map(sized.flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, bytes]])))
    } catch (error) {
      throw this.#client.failure(error, 'The sizes of the volumes are not known', signal)
    }
  }

  async removeSnapshot(workspaceId: string, snapshotId: string, signal: AbortSignal): Promise<void> {
    try {
      // What has just been read to its end, or given up, is not in use.
      await Promise.all(this.ending)
      const all = await this.#volumes(
        [`${dataLabels.snapshotOf}=${workspaceId}`, `${dataLabels.snapshot}=${snapshotId}`],
        signal,
      )
      // The record last: what is left of one that could not be removed whole can still be seen, and removed again.
      const isRecord = ({ Labels }: VolumeSummary) => Labels?.[dataLabels.record] !== undefined
      for (const volume of [...all].sort((one, two) => Number(isRecord(one)) - Number(isRecord(two))))
        await this.#removeVolume(volume.Name)
    } catch (error) {
      if (isStatus(error, 409))
        throw problem({
          code: 'busy',
          title: 'The snapshot is in use',
          cause: 'A container reads it just now.',
          remedy: 'Wait until that is done, and try again.',
          detail: error.message,
        })
      throw this.#client.failure(error, 'The snapshot could not be removed', signal)
    }
  }

  async export(
    workspaceId: string,
    snapshotId: string,
    volume: string,
    signal: AbortSignal,
  ): Promise<Readable> {
    try {
      await this.#requireSnapshot({ workspaceId, snapshotId }, signal)
      const located = (await this.#locator.containers(workspaceId, signal))[0]
      return await this.#stream(snapshotVolume(workspaceId, snapshotId, volume), located, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The snapshot could not be read', signal)
    }
  }

  async import(
    id: string,
    snapshot: NewSnapshot,
    open: (volume: string) => Promise<Readable>,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot> {
    try {
      const located = await this.#located(id, signal)
      const hold: Hold = { held: { stopped: [], paused: [] }, copiers: [] }
      const taken = await this.#fill(id, snapshot, located, hold, open, report, signal).finally(async () => {
        for (const copier of hold.copiers) await removeCopier(this.#client, copier)
      })
      await this.#record(taken, signal)
      return taken
    } catch (error) {
      await this.#forget(id, snapshot.id)
      if (signal.aborted) throw cancelled('Copying the data')
      throw this.#client.failure(error, 'The data could not be copied', signal)
    }
  }

  /** Puts right what a killed Berth left of a workspace's data, before it starts. */
  async mendFor(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.leftovers.mend(id, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be started', signal)
    }
  }

  /** Takes away containers that copy for a workspace which is being removed. */
  async abandon(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.leftovers.abandon(id, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be removed', signal)
    }
  }

  async #located(id: string, signal: AbortSignal): Promise<Located> {
    const located = await this.#locator.containers(id, signal)
    const [first] = located
    // This process's own creation may be under way: that is what its data is for.
    if (first) {
      refuseWhileMade(located)
      return first
    }
    await this.#locator.containerId(id, signal)
    throw problem({
      code: 'workspace-gone',
      title: 'The workspace has no container',
      cause: 'It was removed meanwhile.',
      remedy: 'Rebuild the workspace.',
    })
  }

  /** While what uses these volumes rests. It goes on afterwards, whatever comes of `action`. */
  async #holding<T>(
    located: Located,
    names: readonly string[],
    report: StepReport,
    signal: AbortSignal,
    action: (hold: Hold) => Promise<T>,
  ): Promise<T> {
    const id = located.summary.Labels?.[labels.workspace] ?? ''
    const volumes = new Set(names.map((name) => dataVolume(id, name)))
    const held = await whatUses(this.#client, located, volumes, signal)
    const copiers: string[] = []
    try {
      return await action({ held, copiers })
    } finally {
      if (held.stopped.length > 0) report.detail('Starting the services again')
      try {
        await goOn(this.#client, held)
      } finally {
        // Last: as long as they are there, somebody knows what has to go on.
        for (const copier of copiers) await removeCopier(this.#client, copier)
      }
    }
  }

  /** Undefined where no image has a shell. `broken` puts right what was broken off, or throws. */
  async #copy(
    located: Located,
    job: CopyJob,
    { copiers }: Hold,
    title: string,
    report: StepReport,
    signal: AbortSignal,
    broken?: (image: string, error: unknown) => Promise<void>,
  ): Promise<readonly string[] | undefined> {
    for (const image of imagesOf(located)) {
      const copier = await makeCopier(this.#client, image, job).catch((error: unknown) => {
        if (isStatus(error, 404) && /no such image/i.test(error.message)) return undefined
        throw error
      })
      if (copier === undefined) continue
      copiers.push(copier)
      await rest(this.#client, job.held, report, signal)
      report.detail('Copying the data')
      try {
        const lines = await runCopier(this.#client, copier, title, signal)
        if (lines) return lines
      } catch (error) {
        if (!broken) throw error
        await broken(image, error)
        return []
      }
    }
    return undefined
  }

  /** Makes the volumes of a snapshot of tar streams. */
  async #fill(
    id: string,
    snapshot: NewSnapshot,
    located: Located,
    { held, copiers }: Hold,
    open: (volume: string) => Promise<Readable>,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<DataSnapshot> {
    const bytes: number[] = []
    for (const { name } of snapshot.volumes) {
      const mount = this.#copyMount(id, snapshot.id, name, places.stream)
      const job: CopyJob = { workspaceId: id, verb: 'snapshot', places: [], mounts: [mount], held }
      const container = await makeCopier(this.#client, located.summary.ImageID, job)
      copiers.push(container)
      await rest(this.#client, held, report, signal)
      report.detail(`Copying ${name}`)
      const tar = await open(name)
      const counting = new Counting(report)
      tar.on('error', (error) => counting.destroy(error))
      try {
        const response = await this.#client.stream('PUT', `/containers/${container}/archive`, {
          query: { path: '/' },
          body: tar.pipe(counting),
          signal,
        })
        response.resume()
      } finally {
        tar.destroy()
      }
      bytes.push(counting.bytes)
    }
    return takenSnapshot(id, snapshot, bytes)
  }

  /** A volume as a tar stream, by the engine itself: no image needs to have anything for that. */
  async #stream(volume: string, located: Located | undefined, signal: AbortSignal): Promise<Readable> {
    const image = located?.summary.ImageID ?? (await this.#anyImage(signal))
    const mounts: EngineMount[] = [{ Type: 'volume', Source: volume, Target: places.stream, ReadOnly: true }]
    const held: Held = { stopped: [], paused: [] }
    const workspaceId = located?.summary.Labels?.[labels.workspace] ?? ''
    const container = await makeCopier(this.#client, image, {
      workspaceId,
      verb: 'read',
      places: [],
      mounts,
      held,
    })
    try {
      const stream = await openArchive(this.#client, container, places.stream, signal)
      stream.on('error', () => undefined)
      stream.once('close', () => {
        const end = removeCopier(this.#client, container)
          .catch(() => undefined)
          .finally(() => this.ending.delete(end))
        this.ending.add(end)
      })
      return stream
    } catch (error) {
      await removeCopier(this.#client, container)
      throw error
    }
  }

  /** The container is never started, so that any image does. */
  async #anyImage(signal: AbortSignal): Promise<string> {
    const [first] = await this.#client.json<{ Id: string }[]>('GET', '/images/json', {
      timeout: QUICK,
      signal,
    })
    if (first) return first.Id
    throw problem({
      code: 'unsupported',
      title: 'The snapshot could not be read',
      cause:
        'Its workspace is gone, and the engine has no image of which a container could be made that reads it.',
      remedy: 'Make any workspace on this engine, and try again.',
    })
  }

  async #requireSnapshot(
    { workspaceId, snapshotId }: { readonly workspaceId: string; readonly snapshotId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const found = await this.#volumes(
      [`${dataLabels.snapshotOf}=${workspaceId}`, `${dataLabels.snapshot}=${snapshotId}`, dataLabels.record],
      signal,
    )
    if (found.length > 0) return
    throw problem({
      code: 'not-found',
      title: 'There is no such snapshot',
      cause: `The engine has no snapshot ${snapshotId}.`,
      remedy: 'It may have been removed: see the list of snapshots.',
    })
  }

  #copyMount(workspaceId: string, snapshotId: string, name: string, target: string): EngineMount {
    return {
      Type: 'volume',
      Source: snapshotVolume(workspaceId, snapshotId, name),
      Target: target,
      VolumeOptions: { Labels: copyLabels(workspaceId, snapshotId, name) },
    }
  }

  /** From here on it is there, for everybody. */
  async #record(snapshot: DataSnapshot, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#client.json('POST', '/volumes/create', {
      json: { Name: recordVolume(snapshot.workspaceId, snapshot.id), Labels: recordLabels(snapshot) },
    })
  }

  /** Takes back one that did not come to its end. What cannot be taken back now is when the target is seen next. */
  async #forget(workspaceId: string, snapshotId: string): Promise<void> {
    await this.removeSnapshot(workspaceId, snapshotId, AbortSignal.timeout(TAKING_BACK)).catch(
      () => undefined,
    )
  }

  async #volumes(wanted: readonly string[], signal: AbortSignal): Promise<readonly VolumeSummary[]> {
    const { Volumes } = await this.#client.json<VolumeList>('GET', '/volumes', {
      query: { filters: JSON.stringify({ label: [managedFilter, ...wanted] }) },
      timeout: QUICK,
      signal,
    })
    return Volumes ?? []
  }

  async #removeVolume(name: string): Promise<void> {
    await this.#client.json('DELETE', `/volumes/${encodeURIComponent(name)}`).catch((error: unknown) => {
      if (!isStatus(error, 404)) throw error
    })
  }
}

/** What rests for a copy, and the containers that were made for it. */
interface Hold {
  readonly held: Held
  readonly copiers: string[]
}

/** Those that may have a shell: the workspace's own first. */
function imagesOf({ summary }: Located): ReadonlySet<string> {
  const { images } = readServiceNotes(summary.Labels?.[labels.services])
  return new Set([summary.ImageID, ...Object.values(images)])
}

function noShell(title: string) {
  return problem({
    code: 'no-shell',
    title,
    cause:
      'Neither the image of the workspace nor that of a service has a shell, which puts data in place of other data.',
    remedy: 'Use an image with a shell for the workspace, rebuild it, and try again.',
  })
}

/** Passes bytes on, and tells how many. */
class Counting extends Transform {
  bytes = 0
  readonly #report: StepReport

  constructor(report: StepReport) {
    super({ highWaterMark: 512 * 1024 })
    this.#report = report
    this.on('error', () => undefined)
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, data: Buffer) => void): void {
    this.bytes += chunk.length
    this.#report.progress({ current: this.bytes, unit: 'bytes' })
    done(null, chunk)
  }
}
