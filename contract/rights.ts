import type { ContainerOptions, Right } from './container-options'

const identity = ({ kind, value, service = '' }: Right) => `${service}\n${kind} ${value}`

/** Whether two rights are the same, whoever asks for them. */
export function isSameRight(left: Right, right: Right): boolean {
  return identity(left) === identity(right)
}

/** Of each right the last one, at the place of the first. */
export function uniqueRights(rights: readonly Right[]): Right[] {
  return [...new Map(rights.map((right) => [identity(right), right])).values()]
}

/**
 * Whether a right was allowed: for exactly whom it is asked for. A folder that the workspace itself has may be mounted
 * in its services too, which see what it sees.
 */
function allowing(options: ContainerOptions | undefined): (right: Right) => boolean {
  const allowed = new Set((options?.allowed ?? []).map(identity))
  return (right) => {
    const { service: _, ...own } = right
    return allowed.has(identity(right)) || (right.kind === 'folder' && allowed.has(identity(own)))
  }
}

/** The rights that a workspace and its services get: those that are asked for and that were allowed. */
export function grantedRights(options: ContainerOptions | undefined): Right[] {
  return (options?.rights ?? []).filter(allowing(options))
}

/** Those of {@link grantedRights} that one container gets: the workspace's own, or that of `service`. */
export function rightsOf(options: ContainerOptions | undefined, service?: string): Right[] {
  return grantedRights(options).filter((right) => right.service === service)
}

/** The rights that are asked for and that nobody gets. */
export function withheldRights(options: ContainerOptions | undefined): Right[] {
  const isAllowed = allowing(options)
  return (options?.rights ?? []).filter((right) => !isAllowed(right))
}

const namespaces: Readonly<Record<string, string>> = {
  network: 'the network of the machine',
  pid: 'the processes of the machine',
  ipc: 'the shared memory of the machine',
  uts: 'the host name of the machine',
  userns: 'the users of the machine',
  cgroup: 'the control groups of the machine',
}

/** What a right is and which service asks for it, in words that go into a sentence. */
export function describeRight(right: Right): string {
  const { service } = right
  return service === undefined ? describe(right) : `${describe(right)}, for the service ${service}`
}

function describe({ kind, value }: Right): string {
  switch (kind) {
    case 'privileged':
      return 'all rights on the machine (privileged)'
    case 'capability':
      return value === 'ALL' ? 'all kernel capabilities' : `the kernel capability ${value}`
    case 'securityOption':
      return `a weaker security profile (${value})`
    case 'device':
      return `the device ${value.split(':')[0] ?? value} of the machine`
    case 'deviceRule':
      return `devices of the machine (${value})`
    case 'namespace':
      return `${namespaces[value] ?? value} (${value}=host)`
    case 'sysctl':
      return `the kernel setting ${value}`
    case 'folder':
      return value.endsWith(':ro')
        ? `${value.slice(0, -':ro'.length)} of your machine, to read`
        : `${value} of your machine`
    case 'clusterObject':
      return `an object of the cluster, ${value.replace(/ \(.*$/, '')}`
  }
}
