import type {
  V1HostAlias,
  V1PodSecurityContext,
  V1PodSpec,
  V1SecurityContext,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node'
import {
  type ContainerOptions,
  type Definition,
  grantedRights,
  type NotApplied,
  type Right,
  rightsOf,
  type Service,
} from '#contract'
import type { ContainerFit } from '../../driver'
import { otherOwners } from './written-files'

/** Kubernetes takes so many name servers (core/v1, PodDNSConfig). */
const MAXIMUM_DNS = 3

const isHostName = (name: string) =>
  /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(name)

/** What a definition's options and granted rights come to in a pod. Without any it is empty. */
export interface PodChanges {
  readonly pod: Partial<V1PodSpec>
  readonly podSecurity: Partial<V1PodSecurityContext>
  readonly hostAliases: readonly V1HostAlias[]
  readonly volumes: readonly V1Volume[]
  readonly mounts: readonly V1VolumeMount[]
}

/** The parts of a pod that options change; see {@link ownSecurity} for the workspace's own container. */
export function podChanges({ container, mounts = [] }: Pick<Definition, 'container' | 'mounts'>): PodChanges {
  // What a pod has for all its containers, only the workspace itself can ask for; but for kernel settings.
  const rights = rightsOf(container)
  const has = (name: string) => rights.some(({ kind, value }) => kind === 'namespace' && value === name)
  const settings = grantedRights(container)
    .filter(({ kind }) => kind === 'sysctl')
    .map(({ value }) => {
      const at = value.indexOf('=')
      return { name: value.slice(0, at).replaceAll('/', '.'), value: value.slice(at + 1) }
    })
  const sysctls = [...new Map(settings.map((one) => [one.name, one])).values()]
  const dns = dnsOf(container)
  const addresses = new Map<string, string[]>()
  for (const { name, address } of (container?.extraHosts ?? []).filter(isPlainHost))
    addresses.set(address, [...(addresses.get(address) ?? []), name.toLowerCase()])
  const shmSize = mounts.some(({ target }) => target === '/dev/shm') ? undefined : container?.shmSize
  return {
    pod: {
      // Names of the cluster are found on the machine's network only when that is said.
      ...(has('network') && { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }),
      // A pod has either the machine's processes or its own for all containers.
      ...(has('pid') && { hostPID: true, shareProcessNamespace: false }),
      ...(has('ipc') && { hostIPC: true }),
      ...(dns && { dnsConfig: dns }),
    },
    podSecurity: {
      ...(sysctls.length > 0 && { sysctls }),
    },
    hostAliases: [...addresses].map(([ip, hostnames]) => ({ ip, hostnames })),
    volumes:
      shmSize === undefined
        ? []
        : [{ name: 'shared-memory', emptyDir: { medium: 'Memory', sizeLimit: String(shmSize) } }],
    mounts: shmSize === undefined ? [] : [{ name: 'shared-memory', mountPath: '/dev/shm' }],
  }
}

/**
 * Numbers of a pod's further groups: those that a definition asks for, and `own` of the workspace's user. Some runtimes
 * leave out what the image's /etc/group says of a user whose number and group are given.
 */
export function supplementalGroups(
  { container }: Pick<Definition, 'container'>,
  own: readonly number[] = [],
): number[] {
  return [...new Set([...(container?.groups ?? []).filter(isNumber).map(Number), ...own])]
}

/** The security context of the workspace's own container: `usual`, with what was allowed of rights and no more. */
export function ownSecurity(
  usual: V1SecurityContext,
  { container }: Pick<Definition, 'container'>,
): V1SecurityContext {
  return changedSecurity(usual, rightsOf(container), container)
}

/** The same of a service's container. */
export function serviceSecurity(
  usual: V1SecurityContext,
  { container }: Pick<Definition, 'container'>,
  { name, container: own }: Pick<Service, 'name' | 'container'>,
): V1SecurityContext {
  return {
    ...changedSecurity(usual, rightsOf(container, name), own),
    ...(own?.readOnly && { readOnlyRootFilesystem: true }),
  }
}

function changedSecurity(
  usual: V1SecurityContext,
  rights: readonly Right[],
  options: Pick<ContainerOptions, 'capabilitiesDropped' | 'noNewPrivileges'> = {},
): V1SecurityContext {
  const isPrivileged = rights.some(({ kind }) => kind === 'privileged')
  const added = rights.filter(({ kind }) => kind === 'capability').map(({ value }) => value)
  const isUnconfined = rights.some(
    ({ kind, value }) => kind === 'securityOption' && value === 'seccomp=unconfined',
  )
  const dropped = new Set(options.capabilitiesDropped)
  const usually = (usual.capabilities?.add ?? []).filter((name) => !dropped.has(name) && !dropped.has('ALL'))
  const add = [...new Set([...usually, ...added])]
  const { capabilities: _, ...rest } = usual
  return {
    ...rest,
    ...(isUnconfined && { seccompProfile: { type: 'Unconfined' } }),
    ...(isPrivileged
      ? { privileged: true, allowPrivilegeEscalation: true }
      : { capabilities: { drop: ['ALL'], ...(add.length > 0 && { add }) } }),
    // Who is not root has a capability only by a program that gives it to him.
    ...(!isPrivileged && added.length > 0 && !options.noNewPrivileges && { allowPrivilegeEscalation: true }),
  }
}

function dnsOf(container: ContainerOptions | undefined): V1PodSpec['dnsConfig'] {
  const { dns = [], dnsSearch = [], dnsOptions = [] } = container ?? {}
  if (dns.length + dnsSearch.length + dnsOptions.length === 0) return undefined
  return {
    ...(dns.length > 0 && { nameservers: dns.slice(0, MAXIMUM_DNS) }),
    ...(dnsSearch.length > 0 && { searches: dnsSearch }),
    ...(dnsOptions.length > 0 && {
      options: dnsOptions.map((option) => {
        const [name = '', value] = option.split(':')
        return { name, ...(value !== undefined && { value }) }
      }),
    }),
  }
}

const isNumber = (group: string) => /^\d{1,10}$/.test(group)
const isPlainHost = ({ name, address }: { readonly name: string; readonly address: string }) =>
  address !== 'host-gateway' && isHostName(name.toLowerCase())

const amounts =
  'on a cluster amounts are chosen with the workspace, see "berth up --memory-limit" and "--cpu-limit"'

/** What pods cannot be made with. */
export const containerFit: ContainerFit = {
  right({ kind, value, service }: Right) {
    switch (kind) {
      case 'device':
      case 'deviceRule':
        return 'a cluster passes devices on by its own plug-ins, and not by their paths'
      case 'securityOption':
        return value === 'seccomp=unconfined' ? undefined : "this part of the profile is the cluster's to say"
      case 'namespace':
        if (service !== undefined)
          return 'a pod has this for all its containers or for none; the workspace itself can ask for it'
        return ['network', 'pid', 'ipc'].includes(value)
          ? undefined
          : 'a pod cannot have this of the machine that runs it'
      default:
        return undefined
    }
  },
  options({
    hostname,
    labels = {},
    extraHosts = [],
    ulimits = [],
    groups = [],
    dns = [],
    memory,
    memorySwap,
    cpus,
    files,
  }) {
    const named: NotApplied[] = [...otherOwners({ files })]
    const name = (field: string, reason: string) => named.push({ field, reason })
    if (hostname !== undefined) name('hostname', 'on a cluster the host name is that of the pod')
    for (const label of Object.keys(labels))
      name(`label ${label}`, 'on a cluster objects have the labels that are chosen with the workspace')
    for (const host of extraHosts) {
      if (host.address === 'host-gateway')
        name(`add-host ${host.name}`, 'on a cluster there is no way to the machine that runs the pod')
      else if (!isPlainHost(host))
        name(`add-host ${host.name}`, 'a cluster does not take this as a host name')
    }
    for (const one of ulimits) name(`ulimit ${one.name}`, "the cluster's own limit holds")
    for (const group of groups.filter((one) => !isNumber(one)))
      name(`group-add ${group}`, 'a cluster knows groups by their numbers only')
    if (dns.length > MAXIMUM_DNS)
      name('dns', `a cluster takes ${MAXIMUM_DNS} name servers; the first are used`)
    for (const [field, value] of Object.entries({ memory, 'memory-swap': memorySwap, cpus }))
      if (value !== undefined) name(field, amounts)
    return named
  },
  service({ container = {}, ownPod }) {
    const named: NotApplied[] = [...otherOwners(container)]
    const name = (field: string, reason: string) => named.push({ field, reason })
    if (ownPod)
      name(
        'dedicatedPod',
        "it runs in the workspace's pod, where it shares volumes with the others and each finds the ports of all on localhost",
      )
    const { labels = {}, ulimits = [], groups = [], memorySwap, processes, init, stopSignal } = container
    for (const label of Object.keys(labels))
      name(`labels.${label}`, 'on a cluster objects have the labels that are chosen with the workspace')
    for (const one of ulimits) name(`ulimits.${one.name}`, "the cluster's own limit holds")
    for (const group of groups)
      name(
        `group_add ${group}`,
        'a pod has groups for all its containers; the workspace itself can ask for it',
      )
    if (memorySwap !== undefined) name('memswap_limit', 'containers of a cluster do not swap')
    if (processes !== undefined) name('pids_limit', "the cluster's own limit holds")
    if (init) name('init', 'a container of a cluster has no init process of its own')
    if (stopSignal !== undefined) name('stop_signal', "a cluster uses the image's own signal")
    return named
  },
}
