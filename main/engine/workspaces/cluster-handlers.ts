import { kubernetesTargetId, parseKubernetesTargetId, problem } from '#contract'
import type { ClusterVerbs } from '../drivers/driver'
import type { Handlers } from '../platform/handlers'
import type { ActionContext } from './actions/context'
import type { Targets } from './targets'

type ClusterHandlers = Pick<Handlers, `targets.${'room' | 'namespaces' | 'addNamespace' | 'removeNamespace'}`>

/** What answers the requests about clusters and their namespaces. */
export function createClusterHandlers({
  context,
  targets,
}: {
  readonly context: Pick<ActionContext, 'platform'>
  readonly targets: Pick<Targets, 'collection' | 'driver'>
}): ClusterHandlers {
  const { settings } = context.platform
  /** Also of a target that cannot be used: a namespace that is missing may be what is wrong. */
  const clusterOf = (targetId: string): ClusterVerbs => {
    const target = targets.collection.get(targetId)
    const cluster = targets.driver(targetId)?.cluster
    if (cluster) return cluster
    throw problem({
      code: target ? 'unsupported' : 'not-found',
      title: target ? `${target.name} has no namespaces` : `There is no target ${targetId}`,
      cause: target ? 'It is no cluster that can be asked.' : 'It is not configured.',
      remedy: 'Choose a Kubernetes target.',
    })
  }
  const chosenIn = (name: string) =>
    targets.collection
      .list()
      .filter(({ kind, id }) => kind === 'kubernetes' && parseKubernetesTargetId(id).context === name)
      .map(({ id }) => parseKubernetesTargetId(id).namespace)
  const choose = (name: string, namespaces: readonly string[]) => {
    const { [name]: _before, ...others } = settings.get().kubernetesNamespaces
    return settings.change({
      kubernetesNamespaces: { ...others, ...(namespaces.length > 0 && { [name]: [...namespaces] }) },
    })
  }
  return {
    'targets.room': ({ targetId, kubernetes }, signal) => clusterOf(targetId).room(kubernetes, signal),
    'targets.namespaces': async ({ targetId }, signal) => {
      const { all, mayCreate } = await clusterOf(targetId).namespaces(signal)
      const { context: name } = parseKubernetesTargetId(targetId)
      return { context: name, chosen: chosenIn(name), ...(all && { all: [...all] }), mayCreate }
    },
    'targets.addNamespace': async ({ targetId, namespace, create }, signal) => {
      const cluster = clusterOf(targetId)
      if (create) await cluster.makeNamespace(namespace, signal)
      const { context: name } = parseKubernetesTargetId(targetId)
      const chosen = chosenIn(name)
      if (!chosen.includes(namespace)) await choose(name, [...chosen, namespace])
      return { targetId: kubernetesTargetId(name, namespace) }
    },
    'targets.removeNamespace': async ({ targetId }) => {
      clusterOf(targetId)
      const { context: name, namespace } = parseKubernetesTargetId(targetId)
      await choose(
        name,
        chosenIn(name).filter((one) => one !== namespace),
      )
      return {}
    },
  }
}
