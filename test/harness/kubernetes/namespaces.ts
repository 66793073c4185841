import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { root } from '../../../scripts/setup/folders.mjs'
import { command } from '../command'
import { type KubeconfigEntry, writeKubeconfig } from './kubeconfig'

/** A rule of a Role: rbac.authorization.k8s.io/v1, PolicyRule. */
export interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

/** A namespace of a test's own, and a user who may do there what resources/kubernetes/role.yaml says, and nothing elsewhere. */
export interface TestNamespace {
  readonly name: string
  /** Path of the limited user's kubeconfig, whose one context names the namespace. */
  readonly kubeconfig: string
  /** As the API server calls the limited user. */
  readonly user: string
  /** Runs kubectl as the limited user, in the namespace. */
  kubectl(...args: string[]): Promise<string>
  /** What the limited user may do. */
  rules(): Promise<readonly Rule[]>
  /** Gives the limited user other rights; resolves when the API server goes by them, which it does a moment later. */
  setRules(rules: readonly Rule[]): Promise<void>
  /**
   * Bounds what the namespace may have, `--hard` of kubectl; resolves when its controller has counted. Before that it
   * lets everything in or nothing, by the kind of object.
   */
  makeQuota(name: string, hard: string, ...more: string[]): Promise<void>
  /** Asks for the end of the namespace and all in it; does not wait for it. */
  dispose(): Promise<void>
}

export interface NamespaceOptions {
  /** Seconds that the user's token is good for; at least 600. Default: a day. */
  readonly tokenSeconds?: number
}

/** Runs kubectl with a kubeconfig; rejects on a failing exit. What it learns of the API it keeps in `cache`. */
export function kubectlWith(kubeconfig: string, cache: string) {
  return (args: readonly string[], input?: string) =>
    command('kubectl', ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...args], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      ...(input === undefined ? {} : { input }),
    })
}

/**
 * Makes a namespace in the cluster of an administrator's kubeconfig.
 * @param folder where files about it may lie
 */
export async function makeNamespace(
  admin: string,
  folder: string,
  options: NamespaceOptions = {},
): Promise<TestNamespace> {
  const name = `berth-test-${randomBytes(4).toString('hex')}`
  const account = 'developer'
  const kubectl = kubectlWith(admin, join(folder, 'kubectl-cache'))
  const metadata = { namespace: name, name: account }
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'berth' },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ]
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  await kubectl(['create', '-f', '-'], JSON.stringify(list))
  await kubectl(['-n', name, 'create', '-f', join(root, 'resources/kubernetes/role.yaml')])
  const answer = await kubectl(
    ['create', '--raw', `/api/v1/namespaces/${name}/serviceaccounts/${account}/token`, '-f', '-'],
    JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: options.tokenSeconds ?? 86_400 },
    }),
  )
  const { token } = (JSON.parse(answer) as { status: { token: string } }).status
  const kubeconfig = join(folder, 'users', `${name}.kubeconfig`)
  await mkdir(dirname(kubeconfig), { recursive: true })
  await writeKubeconfig(kubeconfig, { ...(await clusterOf(kubectl)), user: account, token, namespace: name })
  await untilPodsAreAdmitted(kubectl, name)
  const user = `system:serviceaccount:${name}:${account}`
  const within = (...args: string[]) => kubectl(['-n', name, ...args])
  await untilAllowed(kubectl, name, user, { group: 'apps', resource: 'statefulsets', verb: 'create' })
  const asUser = kubectlWith(kubeconfig, join(folder, 'kubectl-cache'))
  return {
    name,
    kubeconfig,
    user,
    kubectl: (...args) => asUser(args),
    rules: async () => {
      const { rules } = JSON.parse(await within('get', 'role', 'berth', '-o', 'json')) as { rules: Rule[] }
      return rules
    },
    setRules: async (rules) => {
      // A role changes as a whole: a server that knows of this right, which nobody needs, knows of the others.
      const mark = { group: 'berth.test', resource: `change-${randomBytes(4).toString('hex')}`, verb: 'get' }
      const marked: Rule = { apiGroups: [mark.group], resources: [mark.resource], verbs: [mark.verb] }
      const patch = JSON.stringify({ rules: [...rules, marked] })
      await within('patch', 'role', 'berth', '--type=merge', '-p', patch)
      await untilAllowed(kubectl, name, user, mark)
    },
    makeQuota: async (quota, hard, ...more) => {
      await within('create', 'quota', quota, `--hard=${hard}`, ...more)
      await until(`the quota ${quota} is counted`, async () => {
        const counted = await within('get', 'quota', quota, '-o', 'jsonpath={.status.used}')
        return counted !== ''
      })
    },
    dispose: async () => {
      await kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found'])
    },
  }
}

type Kubectl = ReturnType<typeof kubectlWith>

/** The current context's cluster, with certificates in it instead of their paths. */
async function clusterOf(kubectl: Kubectl): Promise<Pick<KubeconfigEntry, 'name' | 'cluster'>> {
  const view = await kubectl(['config', 'view', '--minify', '--flatten', '--raw', '-o', 'json'])
  const [found] = (JSON.parse(view) as { clusters: Pick<KubeconfigEntry, 'name' | 'cluster'>[] }).clusters
  if (!found) throw new Error('the kubeconfig has no current context')
  return found
}

/** The API server takes a moment to hear of rights that it was told to give. */
async function untilAllowed(
  kubectl: Kubectl,
  namespace: string,
  user: string,
  right: { readonly group: string; readonly resource: string; readonly verb: string },
): Promise<void> {
  const review = JSON.stringify({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes: { namespace, ...right } },
  })
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
  await until(`${user} may ${right.verb} ${right.resource}`, async () => {
    const answer = await kubectl(['create', '--raw', path, '-f', '-'], review)
    return (JSON.parse(answer) as { status: { allowed: boolean } }).status.allowed
  })
}

/** Rejects after a minute. A question that a busy server leaves without an answer is put again. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  let failure: unknown
  const answer = () =>
    isSo().catch((error: unknown) => {
      failure = error
      return false
    })
  while (!(await answer())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`, { cause: failure })
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** A pod is refused until the controllers have given its namespace an account and, in old clusters, a token. */
async function untilPodsAreAdmitted(kubectl: Kubectl, namespace: string): Promise<void> {
  const pod = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', namespace },
    spec: { containers: [{ name: 'main', image: 'none' }] },
  })
  const deadline = Date.now() + 60_000
  for (;;) {
    try {
      await kubectl(['create', '--dry-run=server', '-f', '-'], pod)
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
