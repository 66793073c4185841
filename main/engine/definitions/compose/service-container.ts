import type { ContainerOptions, Right, ServiceOptions } from '#contract'
import { sizeOf } from '../container/index'
import { draftContainer } from './container'
import { amount, countOf, type ReadDeploy } from './deploy'
import { parseDuration } from './duration'
import { flag, type Layer, lastLayer, plainText } from './layer'

/** Fields that {@link readServiceContainer} applies beside those of every service. */
export const serviceContainerFields: readonly string[] = [
  'mem_reservation',
  'pids_limit',
  'read_only',
  'stop_grace_period',
  'stop_signal',
]

/** What can ask a process to end (signal(7)). */
const signals =
  /^(?:[1-9]|[1-5]\d|6[0-4]|(?:SIG)?(?:HUP|INT|QUIT|ABRT|KILL|USR1|USR2|PIPE|ALRM|TERM|CONT|STOP|WINCH|PWR|RTM(?:IN|AX)(?:[+-]\d{1,2})?))$/

/** How long a stop may be held up, in milliseconds. */
const longestGrace = 600_000

/** What a service beside the workspace's own says of its container. */
export interface ServiceContainer {
  readonly options?: ServiceOptions
  /** What it asks for, not yet with its name. */
  readonly rights: readonly Right[]
  /** The file of host names is one for all that share a network. */
  readonly extraHosts: NonNullable<ContainerOptions['extraHosts']>
}

/** Reads it (Compose specification, "Services"). Throws `definition-invalid`. */
export function readServiceContainer(
  layers: readonly Layer[],
  { restart: _, ...deploy }: ReadDeploy,
): ServiceContainer {
  const { rights = [], extraHosts = [], ...drafted } = draftContainer(layers, false)?.options() ?? {}
  const init = flag(lastLayer(layers, 'init'))
  const readOnly = flag(lastLayer(layers, 'read_only'))
  const signal = lastLayer(layers, 'stop_signal')
  const options: ServiceOptions = {
    ...deploy,
    ...drafted,
    ...amount('memoryReserved', lastLayer(layers, 'mem_reservation'), sizeOf, 'a size such as 512m'),
    ...amount('processes', lastLayer(layers, 'pids_limit'), countOf, 'a number of processes'),
    ...(init && { init }),
    ...(readOnly && { readOnly }),
    ...(signal && { stopSignal: signalOf(signal) }),
    ...graceOf(lastLayer(layers, 'stop_grace_period')),
  }
  return { ...(Object.keys(options).length > 0 && { options }), rights, extraHosts }
}

function signalOf(layer: Layer): string {
  const text = plainText(layer).trim().toUpperCase()
  if (!signals.test(text)) throw layer.value.mustBe('a signal', 'Write, for example, "stop_signal: SIGINT".')
  return text
}

function graceOf(layer: Layer | undefined): Pick<ServiceOptions, 'stopGrace'> {
  if (!layer) return {}
  const time = parseDuration(plainText(layer))
  if (time === undefined)
    throw layer.value.mustBe('a time', 'Write, for example, "stop_grace_period: 1m30s".')
  if (time > longestGrace) layer.value.ignore('a stop waits for ten minutes at most')
  return { stopGrace: Math.min(longestGrace, Math.max(1, time)) }
}
