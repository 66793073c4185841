import type { KubernetesOptions } from '#contract'
import type { ClusterVerbs } from '../../driver'
import type { ApiClient } from '../api'
import { withHostRequirements } from '../workspace/host-requirements'
import { mergeOptions } from '../workspace/options'
import { readDevfileTemplate } from './devfile-template'
import { makeNamespace, readNamespaces } from './namespaces'
import { readPolicyText } from './policy'
import { readRoom } from './read'

/** See {@link ClusterVerbs}; `base` is what the settings say of new workspaces. */
export function clusterVerbs(client: ApiClient, base: () => KubernetesOptions): ClusterVerbs {
  const telling = async <T>(title: string, signal: AbortSignal, action: () => Promise<T>): Promise<T> => {
    try {
      signal.throwIfAborted()
      return await action()
    } catch (error) {
      throw client.failure(error, title, signal)
    }
  }
  const { namespace, targetName } = client.identity
  return {
    room: (wanted, signal, requirements) =>
      telling(`The room in the namespace "${namespace}" could not be read`, signal, () =>
        readRoom(client, withHostRequirements(mergeOptions(base(), wanted), requirements), signal),
      ),
    namespaces: (signal) =>
      telling(`The namespaces of "${targetName}" could not be read`, signal, () =>
        readNamespaces(client, signal),
      ),
    makeNamespace: (name, signal) =>
      telling(`The namespace "${name}" could not be made`, signal, () => makeNamespace(client, name, signal)),
    devfileTemplate: (wanted, signal) =>
      telling(`The DevWorkspaceTemplate "${wanted.name}" could not be read`, signal, () =>
        readDevfileTemplate(client, wanted, signal),
      ),
    policy: (signal) =>
      telling(`The team policy of the namespace "${namespace}" could not be read`, signal, () =>
        readPolicyText(client, signal),
      ),
  }
}
