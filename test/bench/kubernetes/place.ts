import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { command } from '../../harness/command'
import { type BenchEngine, openEngine } from '../workspace'
import { type BenchCluster, benchCluster } from './cluster'

/** A namespace of the run's cluster with the engine on it, as a developer who may do there what Berth's Role says. */
export interface Place extends BenchCluster {
  readonly namespace: string
  /** Path of the developer's kubeconfig. */
  readonly kubeconfig: string
  /** Of the namespace, in the engine. */
  readonly targetId: string
  /** Where the API server is, and how the developer logs in. */
  readonly access: ApiAccess
  readonly berth: BenchEngine
  /** Runs the reference's kubectl as the developer; rejects on a failing exit. */
  run(args: readonly string[], input?: string): Promise<string>
  /** The arguments that make kubectl the developer's, for where it is started otherwise. */
  readonly asDeveloper: readonly string[]
  /** Runs kubectl as administrator, in the namespace. */
  admin(...args: string[]): Promise<string>
  dispose(): Promise<void>
}

export interface ApiAccess {
  /** `https://127.0.0.1:6443` */
  readonly server: string
  /** PEM. */
  readonly ca: string
  readonly token: string
}

/** A namespace of one's own, and an engine that knows it. Rejects with CannotRun where there is no cluster. */
export async function openPlace(): Promise<Place> {
  const bench = await benchCluster()
  const namespace = await bench.cluster.makeNamespace()
  const { kubeconfig } = namespace
  try {
    const { access, context } = await readAccess(kubeconfig)
    const targetId = `kubernetes:${context}/${namespace.name}`
    const asDeveloper = ['--kubeconfig', kubeconfig]
    const berth = await openEngine({ targetId, env: { KUBECONFIG: kubeconfig } })
    return {
      ...bench,
      namespace: namespace.name,
      kubeconfig,
      targetId,
      access,
      berth,
      asDeveloper,
      run: (args, input) =>
        command(bench.kubectl.program, [...asDeveloper, ...args], input === undefined ? {} : { input }),
      admin: (...args) => bench.cluster.kubectl('-n', namespace.name, ...args),
      dispose: async () => {
        await berth.dispose()
        await namespace.dispose()
      },
    }
  } catch (error) {
    await namespace.dispose()
    throw error
  }
}

interface Kubeconfig {
  readonly 'current-context': string
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string }
  }[]
  readonly users: readonly { readonly user: { readonly token: string } }[]
}

/** What the harness has written for a developer: one context, with a token. */
async function readAccess(path: string): Promise<{ access: ApiAccess; context: string }> {
  const config = parse(await readFile(path, 'utf8')) as Kubeconfig
  const [cluster] = config.clusters
  const [user] = config.users
  if (!cluster || !user) throw new Error(`${path} has no cluster or no user`)
  const ca = Buffer.from(cluster.cluster['certificate-authority-data'], 'base64').toString('utf8')
  return {
    context: config['current-context'],
    access: { server: cluster.cluster.server, ca, token: user.user.token },
  }
}
