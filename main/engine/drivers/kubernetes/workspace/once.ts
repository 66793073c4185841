import type { V1Container, V1VolumeMount } from '@kubernetes/client-node'
import { isShellCommand, oneShots, type Service } from '#contract'
import type { WorkspaceSpec } from '../../driver'

/** Where a wrapped service's record is, in its container: it is kept as long as the pod is. */
const FOLDER = '/.berth-once'

/**
 * Runs its arguments once in the life of a pod: the code with which they end is kept in a file, and with it a
 * container that the cluster starts again waits, as does one whose work is done. Of one that failed the first container
 * ends with that code, so that the cluster tells it. `again`: a failure does not count.
 */
const script = (again: boolean) => `record=${FOLDER}/code
rest() { trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done; }
[ -e "$record" ] && rest
${again ? '' : 'echo running >"$record" || exit 1\n'}"$@" &
work=$!
trap 'kill -TERM $work 2>/dev/null' TERM INT
code=0
wait $work || code=$?
while kill -0 $work 2>/dev/null; do code=0; wait $work || code=$?; done
[ $code = 0 ] && echo 0 >"$record" && rest
${again ? '' : 'echo $code >"$record"\n'}exit $code`

/** Succeeds when the work is done, and well. */
const isDone = `[ "$(cat ${FOLDER}/code 2>/dev/null)" = 0 ]`
/** Succeeds when it has ended, however that was. */
const hasEnded = `case "$(cat ${FOLDER}/code 2>/dev/null)" in ""|running) exit 1 ;; esac`

/**
 * How the services of a workspace that are to run once are kept from running again: before all other containers of the
 * pod, or wrapped in a shell. One whose own command, or whether it has a shell, is not known is in neither: the cluster
 * starts it again and again.
 */
export function runsOnce({ definition, image }: Pick<WorkspaceSpec, 'definition' | 'image'>): {
  readonly first: ReadonlySet<string>
  readonly wrapped: ReadonlySet<string>
} {
  const shots = oneShots(definition)
  const canWrap = ({ name, entrypoint }: Service) =>
    entrypoint !== undefined && (isShellCommand(entrypoint) || image.shells?.[name] === true)
  return {
    first: new Set([...shots].filter(([, how]) => how === 'first').map(([name]) => name)),
    wrapped: new Set(
      definition.services
        .filter((service) => shots.get(service.name) === 'beside' && canWrap(service))
        .map(({ name }) => name),
    ),
  }
}

export const onceVolume = (service: string) => `once-${service}`
const onceMount = (service: string): V1VolumeMount => ({ name: onceVolume(service), mountPath: FOLDER })

/** Whether a container of a pod is one that {@link wrapped} made. */
export function isWrapped(container: V1Container | undefined): boolean {
  return container?.volumeMounts?.some(({ mountPath }) => mountPath === FOLDER) ?? false
}

/** Until when what needs a wrapped service is held up. */
export const endedCommand: readonly string[] = ['/bin/sh', '-c', hasEnded]

/** A service's container that does its work once; `words` are those of the service, which it runs. */
export function wrapped(
  service: Service,
  container: V1Container,
  words: { readonly command: readonly string[]; readonly args: readonly string[] },
): V1Container {
  const { args: _, readinessProbe: __, ...rest } = container
  const again = service.restart === 'on-failure'
  return {
    ...rest,
    command: [
      '/bin/sh',
      '-c',
      script(again).replaceAll('$', '$$$$'),
      'berth',
      ...words.command,
      ...words.args,
    ],
    volumeMounts: [...(container.volumeMounts ?? []), onceMount(service.name)],
    // Ready is who is done: it is what the cluster tells of a container that runs.
    readinessProbe: { exec: { command: ['/bin/sh', '-c', isDone] }, periodSeconds: 1 },
  }
}
