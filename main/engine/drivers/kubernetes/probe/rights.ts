import type { Problem } from '#contract'
import type { ApiClient } from '../api'
import { isStatus } from '../status'

/** What one rule of resources/kubernetes/role.yaml allows, and what does not work without it. */
export interface Right {
  /** Empty: core. */
  readonly group: string
  /** `pods/exec` */
  readonly resource: string
  readonly verbs: readonly string[]
  /** Completes `so there are no …`. */
  readonly purpose: string
  /** Without it nothing of a target can be shown. */
  readonly essential?: boolean
}

const all = ['get', 'list', 'watch', 'create', 'patch', 'delete']
const workspaces = 'new workspaces and changes'

/** All of resources/kubernetes/role.yaml. */
export const rights: readonly Right[] = [
  { group: 'apps', resource: 'statefulsets', verbs: all, purpose: workspaces, essential: true },
  { group: '', resource: 'persistentvolumeclaims', verbs: all, purpose: workspaces, essential: true },
  {
    group: '',
    resource: 'pods',
    verbs: ['get', 'list', 'watch', 'create', 'delete'],
    purpose: workspaces,
    essential: true,
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get', 'create', 'patch', 'delete'],
    purpose: 'secret variables',
  },
  { group: '', resource: 'pods/exec', verbs: ['get', 'create'], purpose: 'terminals, commands and files' },
  { group: '', resource: 'pods/portforward', verbs: ['get', 'create'], purpose: 'ports' },
  { group: '', resource: 'pods/log', verbs: ['get'], purpose: 'logs' },
  {
    group: '',
    resource: 'events',
    verbs: ['list', 'watch'],
    purpose: 'reasons why something does not start',
  },
  {
    group: 'networking.k8s.io',
    resource: 'networkpolicies',
    verbs: ['get', 'create', 'patch', 'delete'],
    purpose: 'walls against other pods',
  },
  {
    group: '',
    resource: 'resourcequotas',
    verbs: ['get', 'list'],
    purpose: 'numbers of the room that is left',
  },
  { group: '', resource: 'limitranges', verbs: ['get', 'list'], purpose: 'numbers of the room that is left' },
]

interface Rule {
  readonly verbs?: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** Whether one of the rules allows a verb on all objects of a resource. */
export function isAllowed(rules: readonly Rule[], group: string, resource: string, verb: string): boolean {
  const [, part] = resource.split('/', 2)
  return rules.some(
    ({ verbs = [], apiGroups = [], resources = [], resourceNames = [] }) =>
      resourceNames.length === 0 &&
      [verb, '*'].some((one) => verbs.includes(one)) &&
      [group, '*'].some((one) => apiGroups.includes(one)) &&
      [resource, '*', ...(part ? [`*/${part}`] : [])].some((one) => resources.includes(one)),
  )
}

const reviews = '/apis/authorization.k8s.io/v1'

/**
 * What of {@link rights} this identity does not have in its namespace, with the verbs that are missing. One question gets
 * all the rules; authorisers that cannot list theirs are asked verb by verb. What nobody answers counts as allowed: it is
 * told when it is refused. Rejects with raw errors.
 */
export async function missingRights(client: ApiClient, signal: AbortSignal): Promise<readonly Right[]> {
  const rules = await rulesOf(client, signal)
  const missing: Right[] = []
  for (const right of rights) {
    const open = right.verbs.filter((verb) => !isAllowed(rules, right.group, right.resource, verb))
    const granted = await Promise.all(open.map((verb) => isGranted(client, right, verb, signal)))
    const verbs = open.filter((_, index) => !granted[index])
    if (verbs.length > 0) missing.push({ ...right, verbs })
  }
  return missing
}

async function rulesOf(client: ApiClient, signal: AbortSignal): Promise<readonly Rule[]> {
  try {
    const { status } = await client.json<{ status?: { resourceRules?: Rule[] } }>(
      'POST',
      `${reviews}/selfsubjectrulesreviews`,
      {
        json: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectRulesReview',
          spec: { namespace: client.identity.namespace },
        },
        signal,
      },
    )
    return status?.resourceRules ?? []
  } catch (error) {
    if (isStatus(error, 403, 404)) return []
    throw error
  }
}

/** Whether this identity may do it, in its namespace, or with an empty one in the cluster. What nobody answers counts as allowed. */
export async function isGranted(
  client: ApiClient,
  { group, resource }: Pick<Right, 'group' | 'resource'>,
  verb: string,
  signal: AbortSignal,
  namespace: string | undefined = client.identity.namespace,
): Promise<boolean> {
  const [name, subresource] = resource.split('/', 2)
  try {
    const { status } = await client.json<{ status?: { allowed?: boolean } }>(
      'POST',
      `${reviews}/selfsubjectaccessreviews`,
      {
        json: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: {
            resourceAttributes: {
              ...(namespace && { namespace }),
              group,
              resource: name,
              verb,
              ...(subresource && { subresource }),
            },
          },
        },
        signal,
      },
    )
    return status?.allowed !== false
  } catch (error) {
    if (isStatus(error, 403, 404)) return true
    throw error
  }
}

export interface Asked {
  readonly title: string
  readonly namespace: string
  readonly user?: string | undefined
  /** Minor version of the server. */
  readonly minor: number
}

/** Since this minor version a websocket to a pod is not only a `get` but a `create`, too. */
export const CREATE_FOR_WEBSOCKETS = 35

/** Names the verbs that are missing, what does not work for that, and who can give them. */
export function forbiddenProblem(
  missing: readonly Right[],
  { title, namespace, user, minor }: Asked,
): Problem {
  const list = missing.map(
    ({ verbs, resource, group }) => `${verbs.join(', ')} ${group ? `${resource}.${group}` : resource}`,
  )
  const purposes = [...new Set(missing.map(({ purpose }) => purpose))]
  const websockets = missing.some(
    ({ resource, verbs }) => /^pods\/(exec|portforward)$/.test(resource) && verbs.includes('create'),
  )
  return {
    code: 'target-forbidden',
    title,
    cause: [
      `${user ? `"${user}"` : 'This identity'} may not ${list.join('; ')} in the namespace "${namespace}", so there are no ${purposes.join(', no ')}.`,
      ...(websockets && minor >= CREATE_FOR_WEBSOCKETS
        ? ['Since Kubernetes 1.35 a terminal or a port needs "create" where "get" was enough before.']
        : []),
    ].join(' '),
    remedy:
      'Ask whoever runs the cluster for the Role in resources/kubernetes/role.yaml, which is the least that Berth needs.',
    detail: list.join('\n'),
  }
}
