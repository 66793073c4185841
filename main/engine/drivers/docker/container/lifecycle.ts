import { pack } from 'tar-stream'
import { cancelled, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { StepReport, WorkspaceNotes, WorkspaceSpec } from '../../driver'
import { MANAGED_BY } from '../../shared/description'
import { keepsHome } from '../../shared/folders'
import { runsIdle } from '../../shared/idle'
import type { ContainerInspect, ContainerSummary } from '../api'
import { readOwner } from '../archive'
import { type EngineClient, raceAbort } from '../client'
import { gpuDevices } from '../host'
import { isDiskFull, isStatus } from '../problems'
import type { Services } from '../service/services'
import { containerNames, labels, managedFilter, nameVolume, nonce, readLabels } from './anatomy'
import { type Located, type Locator, QUICK } from './locate'
import { madeElsewhere, refuseWhileMade } from './maker'
import { makeMemoryFolders } from './memory-folders'
import { changeNotes } from './notes'
import { exited } from './observe'
import { removeContainer } from './remove'
import { linkParts } from './source-parts'
import { type ContainerPlan, planContainer } from './spec'
import { removeUnusedImages } from './unused-images'
import { writeFiles } from './written-files'

/**
 * Milliseconds in which an image's own command has to fail for `start` to say so. An engine that took longer than that
 * to start it may take as long to notice its end.
 */
const SETTLING = 400

/** The verbs of {@link Driver} that make, run and remove containers and volumes. */
export class Lifecycle {
  readonly #client: EngineClient
  readonly #locator: Locator
  readonly #platform: Platform
  readonly #services: Services
  /** Stops that the engine is at, by container. */
  readonly #stopping = new Map<string, Promise<unknown>>()

  constructor(client: EngineClient, locator: Locator, platform: Platform, services: Services) {
    this.#services = services
    this.#client = client
    this.#locator = locator
    this.#platform = platform
  }

  async create(
    spec: WorkspaceSpec,
    options: { readonly replace: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) throw cancelled('Making the container')
    const title = `The container of "${spec.name}" could not be made`
    try {
      if (options.replace) await this.#stopStanding(spec.id, report, signal)
      else await this.#refuseTakenName(spec, signal)
    } catch (error) {
      if (signal.aborted) throw cancelled('Making the container')
      throw this.#client.failure(error, title)
    }
    const making = nonce()
    const devices = await gpuDevices(this.#client, spec.definition, signal)
    const plan = planContainer(spec, making, this.#platform.env, devices)
    try {
      report.detail('Making volumes and container')
      // Not aborted under way: the engine would go on, and make what nobody removes then.
      const made = await this.#client.json<{ Id: string; Warnings?: string[] }>(
        'POST',
        '/containers/create',
        {
          query: { name: containerNames.uncommitted(spec.id) },
          json: plan.body,
        },
      )
      for (const warning of made.Warnings ?? []) report.output(`${warning}\n`)
      this.#locator.note(spec.id, made.Id, spec.image.hasShell)
      signal.throwIfAborted()
      await this.#makeFolders(made.Id, spec, plan, signal)
      await linkParts(this.#client, made.Id, spec, report, signal)
      await makeMemoryFolders(this.#client, made.Id, spec.definition.mounts, signal)
      await writeFiles(this.#client, made.Id, spec.definition, this.#platform.env, report, signal)
      signal.throwIfAborted()
    } catch (error) {
      if (!isStatus(error, 409)) await this.#takeBack(spec.id, making)
      if (signal.aborted) throw cancelled('Making the container')
      throw this.#createFailure(error, spec, title)
    }
  }

  #createFailure(error: unknown, spec: WorkspaceSpec, title: string): Error {
    const { reference } = spec.image
    if (isDiskFull(error)) return this.#client.failure(error, title)
    if (isStatus(error, 409) && /name .* is already in use/i.test(error.message))
      return madeElsewhere('Somebody else')
    if (isStatus(error, 404) && /no such image/i.test(error.message)) {
      return problem({
        code: 'image-not-found',
        title,
        cause: `The image "${reference}" is not on the engine any more.`,
        remedy: 'Try again: the image is then got anew.',
        detail: error.message,
      })
    }
    if (isStatus(error, 400) && /no command specified/i.test(error.message)) {
      return problem({
        code: 'no-shell',
        title,
        cause: `The image "${reference}" has neither a shell nor a command of its own, so nothing can run in it.`,
        remedy: 'Choose an image with a shell.',
        detail: error.message,
      })
    }
    if (isStatus(error, 400, 409, 500)) {
      return problem({
        code: 'create-failed',
        title,
        cause: `Docker answered: ${error.message.split('\n', 1)[0]}`,
        remedy: /mount|bind source path|invalid/i.test(error.message)
          ? 'Correct the mounts and settings of the definition and try again.'
          : 'Try again.',
        detail: error.message,
      })
    }
    return this.#client.failure(error, title)
  }

  async #refuseTakenName(spec: WorkspaceSpec, signal: AbortSignal): Promise<void> {
    const name = containerNames.committed(spec.name)
    const headers = await this.#client
      .json<ContainerInspect>('GET', `/containers/${name}/json`, { timeout: QUICK, signal })
      .catch((error: unknown) => {
        if (isStatus(error, 404)) return undefined
        throw this.#client.failure(error, 'Looking for the name failed', signal)
      })
    if (headers) throw nameTaken(spec.name)
  }

  async #stopStanding(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    const located = await this.#located(id, signal)
    refuseWhileMade(located)
    const [standing] = located
    if (standing?.summary.State !== 'running') return
    report.detail('Stopping what it replaces')
    await this.#stopContainer(standing.containerId, 10_000)
    await this.#services.stop(id, 'ask', signal)
  }

  /**
   * Makes the source's folders and gives them to the workspace user, with a home that the image does not have and what
   * leads from there to mounts.
   */
  async #makeFolders(
    containerId: string,
    spec: WorkspaceSpec,
    { folders, onTheWay }: ContainerPlan,
    signal: AbortSignal,
  ): Promise<void> {
    const { uid, gid, home } = spec.image.user
    const isRoot = uid === 0
    // The engine itself makes the working folder of a container, as root.
    if (isRoot && runsIdle(spec.definition, spec.image.user)) return
    const own = [...folders]
    // Looked at, the engine mounts everything, and has made as root what was not there.
    for (const folder of isRoot || !keepsHome(home) ? [] : [home, ...onTheWay]) {
      if ((await readOwner(this.#client, containerId, folder, signal)) !== uid) own.push(folder)
    }
    const tar = pack()
    for (const folder of own) {
      tar.entry({ name: `${folder.slice(1)}/`, type: 'directory', uid, gid, mode: 0o755 })
    }
    tar.finalize()
    const response = await this.#client.stream('PUT', `/containers/${containerId}/archive`, {
      query: { path: '/' },
      body: tar,
      signal,
    })
    response.resume()
  }

  async commit(id: string, signal: AbortSignal): Promise<void> {
    const title = 'The workspace could not be completed'
    try {
      const located = await this.#located(id, signal)
      const made = located.find((one) => one.phase === 'uncommitted')
      const standing = located.find((one) => one.phase === 'committed')
      if (made) {
        const name = standing
          ? standing.name
          : containerNames.committed(made.summary.Labels?.[labels.name] ?? id)
        // Each step leaves something from which `commit` or `discard` can go on, should this process die.
        if (standing) await this.#renameContainer(standing.containerId, containerNames.replaced(id))
        try {
          await this.#renameContainer(made.containerId, name)
        } catch (error) {
          if (standing) await this.#renameContainer(standing.containerId, standing.name)
          throw error
        }
      }
      for (const one of located) {
        if (one.phase === 'replaced' || (made && one === standing))
          await removeContainer(this.#client, one.containerId)
      }
      await this.#sweepServices(id)
      await removeUnusedImages(this.#client, await this.#located(id), id)
    } catch (error) {
      if (isStatus(error, 409)) throw nameTaken(error.message.match(/"\/?berth-([^"]+)"/)?.[1] ?? '')
      throw this.#client.failure(error, title, signal)
    }
  }

  async discard(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#takeBack(id, undefined, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be cleaned up', signal)
    }
  }

  /** Removes the uncommitted container, and the volumes that were made with it; `making` where there may be no container. */
  async #takeBack(id: string, making: string | undefined, signal?: AbortSignal): Promise<void> {
    const located = await this.#locator.containers(id, signal)
    refuseWhileMade(located)
    const makings = new Set(making ? [making] : [])
    for (const one of located) {
      if (one.phase !== 'uncommitted') continue
      const own = one.summary.Labels?.[labels.making]
      if (making && own !== making) continue
      if (own) makings.add(own)
      await removeContainer(this.#client, one.containerId)
    }
    const replaced = located.find((one) => one.phase === 'replaced')
    const standing = located.find((one) => one.phase === 'committed')
    if (replaced && !standing) {
      const made = located.find((one) => one.phase === 'uncommitted')
      const name = (made ?? replaced).summary.Labels?.[labels.name] ?? id
      await this.#renameContainer(replaced.containerId, containerNames.committed(name))
    }
    this.#locator.forget(id)
    await this.#sweepServices(id)
    for (const one of makings) await this.#removeVolumes(`${labels.making}=${one}`)
    await removeUnusedImages(this.#client, await this.#located(id), id)
  }

  async start(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    const title = 'The workspace could not be started'
    try {
      refuseWhileMade(await this.#located(id, signal))
      report.detail('Starting the container')
      await this.#services.tending.hold(id, () => this.#startHeld(id, report, signal))
    } catch (error) {
      if (isStatus(error, 400, 500) && !isDiskFull(error)) throw startFailure(error.message, title)
      throw this.#client.failure(error, title, signal)
    }
  }

  async #startHeld(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    let settling = SETTLING
    const containerId = await this.#locator.with(
      id,
      async (container) => {
        const stopping = this.#stopping.get(container)
        if (stopping) await raceAbort(stopping, signal)
        const begun = performance.now()
        await this.#client.json('POST', `/containers/${container}/start`).catch(async (error: unknown) => {
          if (!isStatus(error, 409, 500) || !/paused/i.test(error.message)) throw error
          await this.#client.json('POST', `/containers/${container}/unpause`)
        })
        settling = Math.max(SETTLING, performance.now() - begun)
        return container
      },
      signal,
    )
    if (signal.aborted) {
      await this.#stopContainer(containerId, 0)
      throw cancelled('Starting the workspace')
    }
    await this.#settle(containerId, settling, signal)
    await this.#services.start(containerId, report, signal)
  }

  /** An image's own command may end at once; Berth's idle command does not, and costs no wait. */
  async #settle(containerId: string, settling: number, signal: AbortSignal): Promise<void> {
    let inspect = await this.#inspect(containerId, signal)
    if (inspect.State.Paused) {
      await this.#client.json('POST', `/containers/${containerId}/unpause`)
      return
    }
    const labelled = readLabels(inspect.Config.Labels)
    const idle = labelled !== undefined && runsIdle(labelled.definition, labelled.user)
    for (let waited = 0; !idle && inspect.State.Running && waited < settling; waited += 50) {
      await this.#platform.clock.sleep(50, signal)
      inspect = await this.#inspect(containerId, signal)
    }
    if (!inspect.State.Running) throw problem(exited(inspect.State.ExitCode))
  }

  #inspect(containerId: string, signal?: AbortSignal): Promise<ContainerInspect> {
    return this.#client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, {
      timeout: QUICK,
      ...(signal && { signal }),
    })
  }

  async stop(
    id: string,
    { grace, force = false }: { readonly grace: number; readonly force?: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      refuseWhileMade(await this.#located(id, signal))
      report.detail(force ? 'Ending all that runs in it' : 'Asking its main process to end')
      await this.#locator.with(
        id,
        async (container) => {
          if (force) return this.#kill(container, signal)
          const { State } = await this.#inspect(container, signal)
          if (State.Paused) await this.#client.json('POST', `/containers/${container}/unpause`)
          await this.#stopContainer(container, grace, signal)
        },
        signal,
      )
      await this.#services.stop(id, force ? 'force' : 'ask', signal)
    } catch (error) {
      if (isStatus(error, 500)) {
        throw problem({
          code: 'stop-failed',
          title: 'The workspace could not be stopped',
          cause: `Docker answered: ${error.message.split('\n', 1)[0]}`,
          remedy: 'Try again; if it fails again, restart the Docker engine.',
          detail: error.message,
        })
      }
      throw this.#client.failure(error, 'The workspace could not be stopped', signal)
    }
  }

  /**
   * Given up, the engine goes on with it all the same: a start that came before it is done would find the container
   * running and see it end a moment later. So the request stays, and {@link start} waits for it.
   */
  async #stopContainer(containerId: string, grace: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const stop = this.#client.json('POST', `/containers/${containerId}/stop`, {
      query: { t: Math.ceil(grace / 1000) },
    })
    const done = stop.catch(() => undefined)
    this.#stopping.set(containerId, done)
    void done.then(() => {
      if (this.#stopping.get(containerId) === done) this.#stopping.delete(containerId)
    })
    await (signal ? raceAbort(stop, signal) : stop)
  }

  /** Does nothing to one that does not run. */
  async #kill(containerId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.json('POST', `/containers/${containerId}/kill`, { signal })
    } catch (error) {
      if (!isStatus(error, 409)) throw error
    }
  }

  async remove(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    try {
      refuseWhileMade(await this.#located(id, signal))
      report.detail('Removing the container')
      const all = await this.#client.json<ContainerSummary[]>('GET', '/containers/json', {
        query: {
          all: true,
          filters: JSON.stringify({ label: [`${labels.workspace}=${id}`, managedFilter] }),
        },
        timeout: QUICK,
        signal,
      })
      await Promise.all(all.map((container) => removeContainer(this.#client, container.Id)))
      await this.#services.sweep(id, [])
      report.detail('Removing its volumes')
      await this.#removeVolumes(`${labels.workspace}=${id}`)
      this.#locator.forget(id)
      await removeUnusedImages(this.#client, await this.#located(id), id)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be deleted', signal)
    }
  }

  async rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    try {
      const located = await this.#located(id, signal)
      const standing = located.find((one) => one.phase === 'committed') ?? located[0]
      const wanted = containerNames.committed(name)
      if (standing && standing.name !== wanted) await this.#renameContainer(standing.containerId, wanted)
      await this.#keepName(id, name)
    } catch (error) {
      if (isStatus(error, 409)) throw nameTaken(name)
      throw this.#client.failure(error, 'The workspace could not be renamed', signal)
    }
  }

  async note(id: string, notes: WorkspaceNotes, signal: AbortSignal): Promise<void> {
    try {
      await changeNotes(this.#client, id, notes, this.#platform.clock.now(), signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be changed', signal)
    }
  }

  /** Volumes keep the name of their making: a volume of its own, which nothing mounts, says the new one. */
  async #keepName(id: string, name: string): Promise<void> {
    await this.#client.json('DELETE', `/volumes/${nameVolume(id)}`).catch((error: unknown) => {
      if (!isStatus(error, 404)) throw error
    })
    await this.#client.json('POST', '/volumes/create', {
      json: {
        Name: nameVolume(id),
        Labels: {
          [labels.managedBy]: MANAGED_BY,
          [labels.workspace]: id,
          [labels.name]: name,
          [labels.volume]: 'name',
        },
      },
    })
  }

  #located(id: string, signal?: AbortSignal): Promise<Located[]> {
    return this.#locator.containers(id, signal)
  }

  #renameContainer(containerId: string, name: string): Promise<void> {
    return this.#client.json('POST', `/containers/${containerId}/rename`, { query: { name } })
  }

  /** Removes the volumes with a label. One that something else uses by now stays. */
  async #removeVolumes(label: string): Promise<void> {
    const { Volumes } = await this.#client.json<{ Volumes: { Name: string }[] | null }>('GET', '/volumes', {
      query: { filters: JSON.stringify({ label: [label] }) },
      timeout: QUICK,
    })
    await Promise.all(
      (Volumes ?? []).map(async ({ Name }) => {
        try {
          await this.#client.json('DELETE', `/volumes/${encodeURIComponent(Name)}`)
        } catch (error) {
          if (!isStatus(error, 404, 409)) throw error
        }
      }),
    )
  }

  /** Removes the services of containers that are no more. */
  async #sweepServices(id: string): Promise<void> {
    const located = await this.#located(id)
    await this.#services.sweep(
      id,
      located.map(({ summary }) => summary.Labels?.[labels.making]),
    )
  }
}

function nameTaken(name: string) {
  return problem({
    code: 'name-taken',
    title: `The name "${name}" is taken`,
    cause: `There is a container "berth-${name}" on this engine already.`,
    remedy: 'Choose another name.',
  })
}

function startFailure(message: string, title: string) {
  const noShell = /exec: "?\/bin\/sh|stat \/bin\/sh|no such file or directory/i.test(message)
  return problem({
    code: noShell ? 'no-shell' : 'create-failed',
    title,
    cause: `Docker answered: ${message.split('\n', 1)[0]}`,
    remedy: noShell ? 'Choose an image whose command exists, or one with a shell.' : 'Rebuild the workspace.',
    detail: message,
  })
}
