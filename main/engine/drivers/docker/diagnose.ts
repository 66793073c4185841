import { type Problem, problem } from '#contract'
import { diskFull } from '../shared/build/words'
import { runsIdle } from '../shared/idle'
import type { ContainerInspect } from './api'
import type { EngineClient } from './client'
import { readLabels } from './container/anatomy'
import { type Locator, QUICK } from './container/locate'
import { exited, outOfMemory, startProblem } from './container/observe'
import { isStatus } from './problems'
import { lastWords } from './service/words'

/** See {@link Driver.diagnose}. */
export async function diagnose(
  client: EngineClient,
  locator: Locator,
  id: string,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  try {
    const [located] = await locator.containers(id, signal)
    if (!located) return (await locator.volumes(id, signal)).length > 0 ? [missing(id)] : [unknown()]
    const inspect = await client.json<ContainerInspect>('GET', `/containers/${located.containerId}/json`, {
      timeout: QUICK,
      signal,
    })
    const problems: Problem[] = []
    const { State } = inspect
    if (State.OOMKilled) problems.push(outOfMemory(State.ExitCode))
    if (State.Status === 'paused') problems.push(paused(id))
    if (State.Error) {
      problems.push(
        /no space left on device/i.test(State.Error)
          ? diskFull('The workspace could not be started', client.identity.targetName, State.Error)
          : startProblem(State.Error),
      )
    } else if (State.Status === 'exited' && endedByItself(inspect)) {
      problems.push(
        exited(State.ExitCode, (await lastWords(client, located.containerId)).trim() || undefined),
      )
    }
    if (!(await imageExists(client, inspect.Image, signal))) problems.push(imageGone(inspect.Config.Image))
    return problems
  } catch (error) {
    throw client.failure(error, 'The workspace could not be looked into', signal)
  }
}

/** Whether its main process ended without having been told to. */
function endedByItself({ State, Config }: ContainerInspect): boolean {
  if (State.ExitCode !== 0) return ![137, 143].includes(State.ExitCode)
  const labelled = readLabels(Config.Labels)
  return labelled !== undefined && !runsIdle(labelled.definition, labelled.user)
}

function unknown(): Problem {
  return problem({
    code: 'workspace-gone',
    title: 'The workspace is gone',
    cause: 'The engine has neither a container nor a volume of it.',
    remedy: 'Create it again.',
  }).problem
}

function missing(id: string): Problem {
  return {
    code: 'workspace-gone',
    title: 'The container of the workspace is gone',
    cause: 'It was removed outside Berth. The source and home folders are still there.',
    remedy: 'Rebuild the workspace.',
    actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: id }],
  }
}

function paused(id: string): Problem {
  return {
    code: 'workspace-not-running',
    title: 'The workspace is paused',
    cause: 'Someone paused its container with "docker pause".',
    remedy: 'Start the workspace.',
    actions: [{ kind: 'workspace', label: 'Start', verb: 'start', workspaceId: id }],
  }
}

function imageGone(image: string): Problem {
  return {
    code: 'image-not-found',
    title: 'The image of the workspace was removed',
    cause: `"${image}" is not on the engine any more; the container still runs from its remains.`,
    remedy: 'Rebuild the workspace to get the image again.',
  }
}

async function imageExists(client: EngineClient, image: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.json('GET', `/images/${image}/json`, { timeout: QUICK, signal })
    return true
  } catch (error) {
    if (isStatus(error, 404)) return false
    throw error
  }
}
