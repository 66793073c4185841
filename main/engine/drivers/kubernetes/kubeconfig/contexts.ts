import { basename } from 'node:path'
import { KubernetesNamespace, kubernetesTargetId, type Problem, type Settings } from '#contract'
import type { TargetDescription } from '../../driver'
import type { Kubeconfig } from './load'
import type { Cluster, User } from './model'
import type { Entry, KubeconfigFile } from './parse'
import { parseProxy } from './proxy'
import { serverUrl } from './server'
import { userFault } from './user-fault'

/** A context with a namespace: a target, and how to reach it where its configuration is whole. */
export interface KubernetesContext {
  readonly description: TargetDescription
  readonly settings?: ContextSettings
}

export interface ContextSettings {
  /** The context's name. */
  readonly context: string
  readonly namespace: string
  readonly cluster: Cluster
  /** `https://host:6443`: as the description's endpoint. */
  readonly server: string
  readonly user: User
  /** Where the user's entry stands; absent for a context without a user. */
  readonly userEntry?: Place
}

/** An entry's place in the files of this machine. */
export interface Place {
  readonly name: string
  readonly file: string
  readonly line: number
}

/** What a context or file comes to that cannot be used. */
interface Misconfigured {
  readonly cause: string
  readonly remedy?: string
  readonly place: { readonly file: string; readonly line?: number }
}

/**
 * A target for every context and each of its namespaces: those that the user chose in the settings, else the
 * context's own, else `default`. Broken contexts and files are targets with their Problem. Never throws.
 */
export function describeContexts(
  config: Kubeconfig,
  chosen: Settings['kubernetesNamespaces'] = {},
): KubernetesContext[] {
  const described = [...config.contexts.values()].flatMap((entry) => {
    const own = entry.value?.namespace ?? 'default'
    const namespaces = Object.hasOwn(chosen, entry.name) ? [...new Set(chosen[entry.name])] : [own]
    const current = namespaces.includes(own) ? own : namespaces[0]
    return namespaces.map((namespace) => {
      // The namespace is told where the context's name alone would not tell it.
      const name = namespace === own ? entry.name : `${entry.name}/${namespace}`
      const isDefault = entry.name === config.currentContext && namespace === current
      return describe(
        config,
        entry,
        { id: kubernetesTargetId(entry.name, namespace), name, isDefault },
        namespace,
      )
    })
  })
  return [...described, ...config.broken.map(brokenFile), ...missingCurrent(config)]
}

function describe(
  config: Kubeconfig,
  entry: Entry<{ cluster?: string; user?: string }>,
  shown: Pick<TargetDescription, 'id' | 'name' | 'isDefault'>,
  namespace: string,
): KubernetesContext {
  const found = resolveContext(config, entry, namespace)
  if ('server' in found) {
    return { description: { ...shown, endpoint: found.server }, settings: found }
  }
  return { description: { ...shown, endpoint: '', problem: contextProblem(entry.name, found) } }
}

function resolveContext(
  config: Kubeconfig,
  entry: Entry<{ cluster?: string; user?: string }>,
  namespace: string,
): ContextSettings | Misconfigured {
  if (!entry.value) return faulty(entry)
  if (!KubernetesNamespace.safeParse(namespace).success) {
    return { cause: 'Its namespace is not a name that Kubernetes takes.', place: entry }
  }
  const cluster = entry.value.cluster === undefined ? undefined : config.clusters.get(entry.value.cluster)
  if (!cluster) {
    return {
      cause: entry.value.cluster
        ? `It names the cluster "${entry.value.cluster}", and no kubeconfig has one of this name.`
        : 'It names no cluster.',
      place: entry,
    }
  }
  if (!cluster.value) return faulty(cluster, 'cluster')
  const user = entry.value.user === undefined ? undefined : config.users.get(entry.value.user)
  if (entry.value.user !== undefined && !user) {
    return {
      cause: `It names the user "${entry.value.user}", and no kubeconfig has one of this name.`,
      place: entry,
    }
  }
  if (user && !user.value) return faulty(user, 'user')
  const server = serverUrl(cluster.value, user?.value)
  if (!server) {
    return {
      cause: cluster.value.server
        ? `The server of its cluster "${cluster.name}" is not an http or https URL.`
        : `Its cluster "${cluster.name}" has no server.`,
      place: cluster,
    }
  }
  if (cluster.value.proxy !== undefined && !parseProxy(cluster.value.proxy)) {
    return {
      cause: `The proxy-url of its cluster "${cluster.name}" is not an http, https or socks5 URL.`,
      place: cluster,
    }
  }
  const fault = user?.value && userFault(user.value)
  if (user && fault) return { ...fault, place: user }
  return {
    context: entry.name,
    namespace,
    cluster: cluster.value,
    server: server.address,
    user: user?.value?.username === undefined ? { ...user?.value, ...server.login } : user.value,
    ...(user && { userEntry: { name: user.name, file: user.file, line: user.line } }),
  }
}

function faulty(entry: Entry<unknown>, kind?: string): Misconfigured {
  const { cause = 'It is not valid.', line = entry.line } = entry.fault ?? {}
  return {
    cause: kind ? `Its ${kind} "${entry.name}" is not valid. ${cause}` : cause,
    place: { file: entry.file, line },
  }
}

/** Title of whatever is wrong with the configuration of a context. */
export function contextTitle(context: string): string {
  return `The Kubernetes context "${context}" is not configured correctly`
}

function contextProblem(context: string, { cause, remedy, place }: Misconfigured): Problem {
  return {
    code: 'target-misconfigured',
    title: contextTitle(context),
    cause,
    remedy: remedy ?? `Correct ${where(place)}. Berth sees the change by itself.`,
    detail: where(place),
  }
}

function where({ file, line }: { readonly file: string; readonly line?: number }): string {
  return line === undefined ? file : `${file}, line ${line}`
}

/** The broken file itself is a target, so that its contexts do not just vanish. */
function brokenFile({ file, fault }: KubeconfigFile): KubernetesContext {
  const place = where({ file, ...(fault?.line !== undefined && { line: fault.line }) })
  return {
    description: {
      id: `kubernetes:file:${file}`,
      name: basename(file),
      endpoint: file,
      isDefault: false,
      problem: {
        code: 'target-misconfigured',
        title: `The kubeconfig ${file} cannot be used`,
        cause: fault?.cause ?? 'It is not valid.',
        remedy: `Correct ${place}, or take the file out of KUBECONFIG. Berth sees the change by itself.`,
        detail: place,
      },
    },
  }
}

/** kubectl would fail on it. It may well be in a file that cannot be read just now, which has a Problem already. */
function missingCurrent({ contexts, currentContext, broken }: Kubeconfig): KubernetesContext[] {
  if (currentContext === undefined || contexts.has(currentContext) || broken.length > 0) return []
  return [
    {
      description: {
        id: kubernetesTargetId(currentContext, 'default'),
        name: currentContext,
        endpoint: '',
        isDefault: true,
        problem: {
          code: 'target-misconfigured',
          title: contextTitle(currentContext),
          cause: 'It is the current context of kubectl, and no kubeconfig has one of this name.',
          remedy: 'Choose another with "kubectl config use-context".',
        },
      },
    },
  ]
}
