import { type Definition, type Right, rightsOf } from '#contract'

/** What of the body of the engine's container create a definition's options and granted rights come to. */
export interface EngineOptions {
  /** Absent: the workspace's name; empty: the machine's own. */
  readonly hostname?: string
  /** Parts of `HostConfig`, without `ExtraHosts`. */
  readonly host: Readonly<Record<string, unknown>>
  readonly extraHosts: readonly string[]
}

/** How a container is made beyond mounts and variables (Engine API, "Create a container"). */
export function engineOptions({ container }: Pick<Definition, 'container'>): EngineOptions {
  if (!container) return { host: {}, extraHosts: [] }
  const rights = rightsOf(container)
  const values = (kind: Right['kind']) => rights.filter((one) => one.kind === kind).map(({ value }) => value)
  const isPrivileged = values('privileged').length > 0
  const namespaces = values('namespace')
  const mode = (name: string, field: string) => (namespaces.includes(name) ? { [field]: 'host' } : {})
  const security = [...values('securityOption'), ...(container.noNewPrivileges ? ['no-new-privileges'] : [])]
  const some = <T>(field: string, items: readonly T[] | undefined) =>
    items && items.length > 0 ? { [field]: items } : {}
  const { hostname, shmSize, memory, memorySwap, cpus } = container
  const ownHostname = namespaces.includes('uts') ? '' : hostname
  return {
    ...(ownHostname === undefined ? {} : { hostname: ownHostname }),
    extraHosts: (container.extraHosts ?? []).map(({ name, address }) => `${name}:${address}`),
    host: {
      ...(isPrivileged && { Privileged: true }),
      ...some('CapAdd', values('capability')),
      ...some('CapDrop', container.capabilitiesDropped),
      ...some('SecurityOpt', security),
      ...some('Devices', values('device').map(deviceOf)),
      ...some('DeviceCgroupRules', values('deviceRule')),
      ...mode('network', 'NetworkMode'),
      ...mode('pid', 'PidMode'),
      ...mode('ipc', 'IpcMode'),
      ...mode('uts', 'UTSMode'),
      ...mode('userns', 'UsernsMode'),
      ...mode('cgroup', 'CgroupnsMode'),
      ...(values('sysctl').length > 0 && { Sysctls: Object.fromEntries(values('sysctl').map(splitSetting)) }),
      ...some('Dns', container.dns),
      ...some('DnsSearch', container.dnsSearch),
      ...some('DnsOptions', container.dnsOptions),
      ...some('GroupAdd', container.groups),
      ...some(
        'Ulimits',
        container.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      ),
      ...(shmSize !== undefined && { ShmSize: shmSize }),
      ...(memory !== undefined && { Memory: memory }),
      // The engine takes an amount only beside that of memory.
      ...(memorySwap !== undefined &&
        (memory !== undefined || memorySwap === -1) && { MemorySwap: memorySwap }),
      ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    },
  }
}

function deviceOf(value: string) {
  const [from = '', to = from, mode = 'rwm'] = value.split(':')
  return { PathOnHost: from, PathInContainer: to, CgroupPermissions: mode }
}

function splitSetting(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}
