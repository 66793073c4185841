import type { V1Pod } from '@kubernetes/client-node'
import { type Definition, ProblemError, problem } from '#contract'
import type { ExecOptions } from '../../driver'
import { noServiceFor, noUserInService, serviceNotRunning } from '../../shared/services'
import { observeServices } from '../watch/services'
import { serviceContainer } from '../workspace/anatomy'
import { type ExecDependencies, type PodProcess, runToEnd, startExec } from './exec'
import { type ContainerAddress, podPath } from './open-command'
import type { Identity } from './user'

/** Images by their ids, and whether they have a shell: an id means the same image for ever. */
type KnownShells = Map<string, boolean>

/** Runs commands in the containers of a pod that are beside the workspace's own. */
export class ServiceExec {
  readonly #dependencies: ExecDependencies
  readonly #shells: KnownShells = new Map()

  constructor(dependencies: ExecDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Starts a process in a service. Rejects with `not-found` or `service-not-running`, and with raw errors of the server.
   * See {@link Driver.exec}.
   */
  async start(
    { pod, definition }: Pick<ContainerAddress, 'pod'> & { readonly definition: Definition },
    service: string,
    options: ExecOptions,
    signal: AbortSignal,
  ): Promise<PodProcess> {
    const title = `"${options.command[0] ?? ''}" could not be started`
    const names = definition.services.map(({ name }) => name)
    if (!names.includes(service)) throw noServiceFor(title, service, names)
    const { client } = this.#dependencies
    const found = await client.json<V1Pod>('GET', podPath(client, pod), { signal })
    const state = serviceInPod(definition, found, service)
    if (!state.runs) throw serviceNotRunning(title, { name: service, reason: state.reason })
    const place = { pod, container: serviceContainer(service) }
    const shell = await this.#hasShell(place, state.imageId, signal)
    if (!shell) refuseWithoutShell(service, options, title)
    const { runsAs } = state
    try {
      return await startExec(
        this.#dependencies,
        place.pod,
        place.container,
        { ...options, shell, ...(runsAs && { runsAs }) },
        signal,
      )
    } catch (error) {
      throw ofService(error, service, options)
    }
  }

  /** A definition does not say what is in the image of a service: the container is asked, once for each image. */
  async #hasShell(place: ContainerAddress, imageId: string, signal: AbortSignal): Promise<boolean> {
    const known = imageId === '' ? undefined : this.#shells.get(imageId)
    if (known !== undefined) return known
    const { exit } = await runToEnd(this.#dependencies, place, ['/bin/sh', '-c', ':'], signal)
    if (exit.problem) throw new ProblemError(exit.problem)
    const has = exit.code === 0
    if (imageId !== '') this.#shells.set(imageId, has)
    return has
  }
}

interface ServiceInPod {
  /** Whether a process can be started in it. */
  readonly runs: boolean
  /** How it is, in one sentence without a full stop. */
  readonly reason: string
  /** Empty while the node has not told. */
  readonly imageId: string
  /** Absent: whom the image names. */
  readonly runsAs?: Identity
}

/** How a service is in the pod of its workspace. One that is done does not run, whatever its container still does. */
export function serviceInPod(definition: Definition, { spec, status }: V1Pod, service: string): ServiceInPod {
  const name = serviceContainer(service)
  const told = observeServices(definition, { spec, status }).find((one) => one.name === service)
  const container = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find(
    (one) => one.name === name,
  )
  const now = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (one) => one.name === name,
  )
  const isOver = told === undefined || ['stopped', 'ended', 'failed'].includes(told.state)
  const { runAsUser: uid, runAsGroup: gid = 0 } = container?.securityContext ?? {}
  return {
    runs: !isOver && now?.state?.running !== undefined,
    reason: told?.reason ?? 'Not started',
    imageId: now?.imageID ?? '',
    ...(uid !== undefined && { runsAs: { uid, gid } }),
  }
}

/** What a terminal's programs are told of it: nobody has asked for these. */
const OF_TERMINALS = /^(?:TERM|COLORTERM|NO_COLOR|TERM_PROGRAM\w*|BERTH_\w+)$/

/** Folder and variables are set by the container's own shell. Throws `unsupported` where somebody wants one. */
export function refuseWithoutShell(service: string, { cwd, env = {} }: ExecOptions, title: string): void {
  if (cwd === undefined && Object.keys(env).every((name) => OF_TERMINALS.test(name))) return
  throw problem({
    code: 'unsupported',
    title,
    cause: `The image of the service ${service} has no shell, so nothing in it can ${cwd === undefined ? 'set a variable' : 'change to a folder'} for a command.`,
    remedy: 'Leave out folder and variables, or use an image with a shell.',
  })
}

/** Of who cannot be become: what is to be changed is not the definition of the workspace. */
function ofService(error: unknown, service: string, { user }: ExecOptions): unknown {
  if (!(error instanceof ProblemError)) return error
  const { problem: inner } = error
  if (inner.code === 'user-not-found') return problem({ ...inner, ...noUserInService(service, user) }, error)
  if (inner.code === 'permission-denied') {
    const remedy = 'On a cluster only what runs as root can run commands as others. Leave the user out.'
    return problem(
      { ...inner, cause: `The service ${service} cannot run a command as "${user}".`, remedy },
      error,
    )
  }
  return error
}
