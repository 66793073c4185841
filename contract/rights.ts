import type { ContainerOptions, Right } from './container-options'

const identity = ({ kind, value }: Right) => `${kind} ${value}`

/** Whether two rights are the same, whoever asks for them. */
export function isSameRight(left: Right, right: Right): boolean {
  return identity(left) === identity(right)
}

/** Of each right the last one, at the place of the first. */
export function uniqueRights(rights: readonly Right[]): Right[] {
  return [...new Map(rights.map((right) => [identity(right), right])).values()]
}

/** The rights that a container gets: those that it asks for and that were allowed. */
export function grantedRights(options: ContainerOptions | undefined): Right[] {
  const allowed = new Set((options?.allowed ?? []).map(identity))
  return (options?.rights ?? []).filter((right) => allowed.has(identity(right)))
}

/** The rights that it asks for and does not get. */
export function withheldRights(options: ContainerOptions | undefined): Right[] {
  const allowed = new Set((options?.allowed ?? []).map(identity))
  return (options?.rights ?? []).filter((right) => !allowed.has(identity(right)))
}

const namespaces: Readonly<Record<string, string>> = {
  network: 'the network of the machine',
  pid: 'the processes of the machine',
  ipc: 'the shared memory of the machine',
  uts: 'the host name of the machine',
  userns: 'the users of the machine',
  cgroup: 'the control groups of the machine',
}

/** What a right is, in words that go into a sentence. */
export function describeRight({ kind, value }: Right): string {
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
