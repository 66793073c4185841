import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { ApiClient, ClusterAccess } from '../../main/engine/drivers/kubernetes/api'
import { createApiClient } from '../../main/engine/drivers/kubernetes/transport/client'
import { ApiError } from '../../main/engine/drivers/kubernetes/transport/errors'
import { systemClock } from '../../main/engine/platform/clock'
import type { Platform } from '../../main/engine/platform/platform'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'

interface Kubeconfig {
  readonly clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[]
  readonly users: { user: { token: string } }[]
}

/** The API as a namespace's limited user, who has a token. */
export function clientOf(namespace: TestNamespace, server?: string): ApiClient {
  const { clusters, users } = parse(readFileSync(namespace.kubeconfig, 'utf8')) as Kubeconfig
  const cluster = clusters[0]?.cluster
  const token = users[0]?.user.token
  if (!cluster || !token) throw new Error('not a kubeconfig of the harness')
  const authority = cluster['certificate-authority-data']
  const access: ClusterAccess = {
    server: server ?? cluster.server,
    credentials: {
      headers: async () => ({ authorization: `Bearer ${token}` }),
      tls: async () => ({
        skipVerify: false,
        ...(authority && { ca: Buffer.from(authority, 'base64') }),
      }),
      rejected: () => undefined,
      refusal: () => ({ code: 'target-forbidden', title: 'refused', cause: 'the token', remedy: 'another' }),
      dispose: () => undefined,
    },
  }
  const identity = { targetName: 'test', endpoint: access.server, namespace: namespace.name }
  return createApiClient(access, identity, { clock: systemClock } as Platform)
}

/** A client to whose server some ways of upgrading a connection do not pass, as behind a proxy that knows none of them. */
export function without(client: ApiClient, ...blocked: readonly (keyof ApiClient)[]): ApiClient {
  return new Proxy(client, {
    get(target, key) {
      if ((blocked as readonly (string | symbol)[]).includes(key)) {
        return () => Promise.reject(new ApiError(400, 'the proxy does not know this upgrade'))
      }
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export interface PodOptions {
  readonly image: string
  readonly command?: readonly string[]
  /** Absent: as the image says. */
  readonly uid?: number
  readonly restart?: boolean
}

/** Starts a pod with one container, `main`, and resolves with its name when it runs, or has run. */
export async function startPod(
  cluster: TestCluster,
  namespace: string,
  options: PodOptions,
  name = `pod-${randomBytes(4).toString('hex')}`,
): Promise<string> {
  const { image, command, uid, restart } = options
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: restart ? 'Always' : 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'IfNotPresent',
          ...(command && { command }),
          ...(uid !== undefined && { securityContext: { runAsUser: uid, runAsGroup: uid } }),
        },
      ],
    },
  }
  const folder = mkdtempSync(join(tmpdir(), 'berth-pod-'))
  try {
    const file = join(folder, 'pod.json')
    writeFileSync(file, JSON.stringify(pod))
    await cluster.kubectl('create', '-f', file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + 120_000
  for (;;) {
    const phase = await cluster.kubectl('-n', namespace, 'get', 'pod', name, '-o', 'jsonpath={.status.phase}')
    if (phase !== 'Pending') return name
    if (Date.now() > deadline) throw new Error(`${name} does not start`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
