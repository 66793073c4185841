import type { Problem } from '#contract'
import type { ObservedWorkspace } from '../../driver'
import { runsIdle } from '../../shared/idle'
import type { ContainerInspect, VolumeSummary } from '../api'
import { markOf } from '../prebuild/record'
import { observeServices } from '../service/observe'
import { type Labelled, labels, nameOf, type Phase, phaseOf, readLabels } from './anatomy'
import { notesOf } from './notes'

interface Instance {
  readonly inspect: ContainerInspect
  readonly labelled: Labelled
  readonly phase: Phase
}

/** 128 + SIGKILL and 128 + SIGTERM: how a container ends that was told to. */
const stoppedCodes = new Set([0, 137, 143])

/**
 * Makes one record of each workspace from its containers and volumes. Where a replacement is under way, the
 * committed instance is the one shown.
 */
export function observe(
  containers: readonly ContainerInspect[],
  volumes: readonly VolumeSummary[],
): Map<string, ObservedWorkspace> {
  const instances = new Map<string, Instance[]>()
  const beside = containers.filter(({ Config }) => Config.Labels?.[labels.serviceOf] !== undefined)
  for (const inspect of containers) {
    const labelled = readLabels(inspect.Config.Labels)
    if (!labelled) continue
    const of = instances.get(labelled.id) ?? []
    of.push({ inspect, labelled, phase: phaseOf(inspect.Name, labelled.id) })
    instances.set(labelled.id, of)
  }
  const observed = new Map<string, ObservedWorkspace>()
  const missing = fromVolumes(volumes)
  for (const [id, of] of instances) {
    const pending = of.find((instance) => instance.phase === 'uncommitted')
    const standing =
      of.find((instance) => instance.phase === 'committed') ??
      of.find((instance) => instance.phase === 'replaced')
    const rest = missing.get(id)
    if (pending && !standing && rest && isOlder(volumes, pending.labelled)) {
      // What is being made replaces an instance that was removed by hand: its volumes were complete before.
      observed.set(id, { ...rest, replacing: true })
      continue
    }
    const shown = standing ?? pending
    if (shown)
      observed.set(
        id,
        fromInstance(shown, beside, standing !== undefined, standing !== undefined && pending !== undefined),
      )
  }
  for (const [id, record] of missing) if (!observed.has(id)) observed.set(id, record)
  for (const [id, notes] of notesOf(volumes)) {
    const record = observed.get(id)
    if (record) observed.set(id, { ...record, ...notes })
  }
  return observed
}

/** Whether a workspace has volumes that were made before this instance of it. */
function isOlder(volumes: readonly VolumeSummary[], { id, making }: Labelled): boolean {
  return volumes.some(({ Labels }) => {
    const made = Labels?.[labels.making]
    return Labels?.[labels.workspace] === id && made !== undefined && made !== making
  })
}

function fromInstance(
  { inspect, labelled }: Instance,
  beside: readonly ContainerInspect[],
  complete: boolean,
  replacing: boolean,
): ObservedWorkspace {
  const { State } = inspect
  const run = runOf(inspect, runsIdle(labelled.definition, labelled.user))
  const running = run.run === 'running'
  const services = observeServices(labelled, beside)
  const prebuild = markOf(inspect.Config.Labels)
  return {
    ...record(labelled),
    name: nameOf(inspect.Name, labelled.id, labelled.name),
    ...run,
    ...(running && {
      startedAt: Date.parse(State.StartedAt),
      incarnation: `${inspect.Id.slice(0, 12)}@${State.StartedAt}`,
    }),
    ...(State.Status === 'exited' && { stoppedAt: Date.parse(State.FinishedAt) }),
    ...(services.length > 0 && { services }),
    ...(prebuild && { prebuild }),
    instance: inspect.Name.replace(/^\//, ''),
    complete,
    replacing,
  }
}

function record(labelled: Labelled) {
  const { id, name, owner, source, definition, image, user, createdAt } = labelled
  return { id, name, owner, source, definition, image, user, createdAt }
}

function runOf(
  { State }: ContainerInspect,
  idle: boolean,
): Pick<ObservedWorkspace, 'run' | 'reason' | 'problem'> {
  switch (State.Status) {
    case 'running':
      return { run: 'running', reason: 'Running' }
    case 'paused':
      return { run: 'stopped', reason: 'Paused with "docker pause"' }
    case 'restarting':
      return { run: 'starting', reason: 'Docker is restarting it' }
    case 'removing':
      return { run: 'stopping', reason: 'Docker is removing it' }
    case 'created':
      return State.Error
        ? { run: 'failed', reason: 'It could not be started', problem: startProblem(State.Error) }
        : { run: 'stopped', reason: 'Not started yet' }
    case 'dead':
      return {
        run: 'failed',
        reason: 'Docker could not remove it completely',
        problem: startProblem(State.Error),
      }
    case 'exited': {
      if (State.OOMKilled) {
        return { run: 'failed', reason: 'It ran out of memory', problem: outOfMemory(State.ExitCode) }
      }
      if (State.Error) {
        return { run: 'failed', reason: 'It could not be started', problem: startProblem(State.Error) }
      }
      if (State.ExitCode === 0 && !idle)
        return { run: 'stopped', reason: "Its image's own command has ended" }
      if (stoppedCodes.has(State.ExitCode)) {
        return { run: 'stopped', reason: State.ExitCode === 137 ? 'Stopped by force' : 'Stopped' }
      }
      return {
        run: 'failed',
        reason: `Its main process ended with code ${State.ExitCode}`,
        problem: exited(State.ExitCode),
      }
    }
  }
}

export function exited(code: number, output?: string): Problem {
  return {
    code: 'workspace-exited',
    title: "The workspace's main process ended",
    cause: `The image's own command ended with code ${code}.`,
    remedy: 'See its logs. Correct the definition or the image, then rebuild.',
    ...(output ? { detail: output } : {}),
  }
}

export function outOfMemory(code: number): Problem {
  return {
    code: 'workspace-exited',
    title: 'The workspace ran out of memory',
    cause: `The engine's machine had no memory left for it, and its main process was killed (code ${code}).`,
    remedy: 'Give Docker more memory or run less at once, then start the workspace again.',
  }
}

export function startProblem(message: string): Problem {
  return {
    code: 'workspace-exited',
    title: 'The workspace could not be started',
    cause: `Docker says: ${message.split('\n', 1)[0] || 'nothing'}`,
    remedy: 'Rebuild the workspace: its source and home folders are kept.',
    detail: message,
  }
}

function fromVolumes(volumes: readonly VolumeSummary[]): Map<string, ObservedWorkspace> {
  const found = new Map<string, ObservedWorkspace>()
  const names = new Map<string, string>()
  for (const volume of volumes) {
    const id = volume.Labels?.[labels.workspace]
    const name = volume.Labels?.[labels.name]
    if (id && name && volume.Labels?.[labels.volume] === 'name') names.set(id, name)
    const labelled = readLabels(volume.Labels)
    if (!labelled || found.has(labelled.id)) continue
    found.set(labelled.id, {
      ...record(labelled),
      run: 'missing',
      reason: 'Its container was removed; source and home are kept',
      complete: true,
      replacing: false,
    })
  }
  for (const [id, name] of names) {
    const workspace = found.get(id)
    if (workspace) found.set(id, { ...workspace, name })
  }
  return found
}
