import type { V1Secret } from '@kubernetes/client-node'
import { type KubernetesOptions, type Problem, problem } from '#contract'
import type { DockerLogins } from '../../../platform/docker-logins'
import { MANAGED_BY } from '../../shared/description'
import { parseReference } from '../../shared/image-reference'
import { isStatus } from '../status'
import { labels, objectName, pullSecretName } from './anatomy'
import type { Objects } from './objects'

const DATA = '.dockerconfigjson'
/** Docker Hub's name in what kubelets read (credentialprovider, "docker config"). */
const HUB = 'https://index.docker.io/v1/'

/** A login as kubelets read it; they know no identity tokens. */
interface Auth {
  readonly username: string
  readonly password: string
  readonly auth: string
}

/** Gives clusters the logins of this machine's Docker, where a workspace was asked to be made so. */
export class PullLogins {
  readonly #objects: Objects
  readonly #logins: DockerLogins

  constructor(objects: Objects, logins: DockerLogins) {
    this.#objects = objects
    this.#logins = logins
  }

  /**
   * Writes the Secret of a workspace that asks for it, before its image is wanted for the first time, and anew for each
   * rebuild. Where this machine has no login, that of another one stays. Rejects with `registry-auth`, or a raw error.
   */
  async give(
    id: string,
    reference: string | undefined,
    { dockerLogin }: KubernetesOptions,
    signal: AbortSignal,
  ): Promise<void> {
    if (!dockerLogin || !reference) return
    const { registry } = parseReference(reference)
    const before = await this.#objects.get('secrets', pullSecretName(id), signal)
    const login = await this.#logins.of(registry)
    if (login?.username === undefined || login.password === undefined) {
      if (before) return
      throw problem(login ? tokenOnly(registry) : noLogin(registry))
    }
    const { username, password } = login
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    const server = registry === 'docker.io' ? HUB : registry
    signal.throwIfAborted()
    await this.#objects.apply('secrets', {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: {
        name: pullSecretName(id),
        namespace: this.#objects.namespace,
        labels: { [labels.managedBy]: MANAGED_BY, [labels.workspace]: id },
        // Said again, or this apply would take it away.
        ...(before?.metadata?.ownerReferences && { ownerReferences: before.metadata.ownerReferences }),
      },
      data: {
        // What a rebuild replaces may be of another registry, and is brought back if the rebuild fails.
        [DATA]: encode({ ...authsOf(before), [server]: { username, password, auth } }),
      },
    })
  }

  /** From now on the Secret goes with the workspace's volume, whoever removes that. */
  async own(id: string, claimUid: string | undefined): Promise<void> {
    await this.#objects.patch('secrets', pullSecretName(id), {
      metadata: {
        ownerReferences: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: objectName(id), uid: claimUid },
        ],
      },
    })
  }

  /** Nothing where there is none. Who may not remove Secrets has made none. */
  async takeBack(id: string): Promise<void> {
    try {
      await this.#objects.delete('secrets', pullSecretName(id))
    } catch (error) {
      if (!isStatus(error, 403)) throw error
    }
  }
}

/** The options with the Secret that {@link PullLogins.give} has written among the pull secrets. */
export function withPullLogin(id: string, options: KubernetesOptions): KubernetesOptions {
  if (!options.dockerLogin) return options
  return { ...options, pullSecrets: [...(options.pullSecrets ?? []), pullSecretName(id)] }
}

function encode(auths: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify({ auths })).toString('base64')
}

function authsOf(secret: V1Secret | undefined): Readonly<Record<string, Auth>> {
  try {
    const text = Buffer.from(secret?.data?.[DATA] ?? '', 'base64').toString('utf8')
    return (JSON.parse(text) as { auths?: Record<string, Auth> }).auths ?? {}
  } catch {
    return {} // Not there, or not ours any more.
  }
}

function noLogin(registry: string): Problem {
  return {
    code: 'registry-auth',
    title: `There is no Docker login for ${registry} on this machine`,
    cause: 'The workspace was to be given the one of ~/.docker/config.json or its credential helpers.',
    remedy: `Log in with "docker login${registry === 'docker.io' ? '' : ` ${registry}`}", or name a pull secret of the namespace.`,
  }
}

function tokenOnly(registry: string): Problem {
  return {
    code: 'registry-auth',
    title: `The Docker login for ${registry} cannot be given to a cluster`,
    cause: 'It is an identity token, and the nodes of a cluster take a user and a password alone.',
    remedy: 'Log in with a user and an access token of the registry, or name a pull secret of the namespace.',
  }
}
