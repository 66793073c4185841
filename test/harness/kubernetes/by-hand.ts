import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { root } from '../../../scripts/setup/folders.mjs'
import { ensureBinaries } from '../../../scripts/setup/kubernetes.mjs'
import { say, step } from '../../../scripts/setup/say.mjs'
import { tryCommand } from '../command'
import { TEST_IMAGES } from '../images'
import { type OwnCluster, ownClusterOf, startCluster } from './cluster'

/*
 * A cluster to work with by hand, which goes on until it is taken down:
 * `npm run cluster:up [-- --kubernetes=current] [image …]`, `cluster:status`, `cluster:down`. One for each checkout; those of tests are others.
 */

/** Holds the path of the cluster's kubeconfig. */
const record = join(root, '.cache/cluster-by-hand')

const actions: Record<string, (args: readonly string[]) => Promise<number>> = {
  up: async (args) => {
    const images = args.filter((arg) => !arg.startsWith('--'))
    const age = args.includes('--kubernetes=current') ? 'current' : 'oldest'
    const running = await current()
    if (!running) {
      const found = await ensureBinaries({ mayBuild: false, age })
      if ('problem' in found) throw new Error(found.problem)
      const cluster = await step('starting a Kubernetes cluster', () =>
        startCluster({ ...found, outlives: true }),
      )
      await mkdir(dirname(record), { recursive: true })
      await writeFile(record, cluster.kubeconfig)
    }
    const cluster = running ?? (await current())
    if (!cluster) throw new Error('the cluster ended as soon as it ran')
    const wanted = images.length > 0 ? images : await presentTestImages()
    for (const image of wanted) await step(`loading ${image}`, () => cluster.loadImage(image))
    const developer = await cluster.makeNamespace()
    process.stdout.write(`Kubernetes runs at ${cluster.server} until: npm run cluster:down

# as its administrator
export KUBECONFIG=${cluster.kubeconfig}
# as a developer with resources/kubernetes/role.yaml in one namespace
export KUBECONFIG=${developer.kubeconfig}
# tests take it instead of starting one
export BERTH_TEST_KUBECONFIG=${cluster.kubeconfig}
`)
    return 0
  },

  status: async () => {
    const cluster = await current()
    if (!cluster) {
      process.stdout.write('No cluster runs: npm run cluster:up\n')
      return 1
    }
    process.stdout.write(`${cluster.server}\nKUBECONFIG=${cluster.kubeconfig}\n\n`)
    process.stdout.write(await cluster.kubectl('get', 'nodes,pods', '--all-namespaces'))
    return 0
  },

  down: async () => {
    const cluster = await current()
    await cluster?.dispose()
    await rm(record, { force: true })
    say(cluster ? 'the cluster is gone' : 'no cluster ran')
    return 0
  },
}

async function current(): Promise<OwnCluster | undefined> {
  const kubeconfig = await readFile(record, 'utf8').catch(() => undefined)
  return kubeconfig === undefined ? undefined : ownClusterOf(kubeconfig)
}

/** Those test images that the machine's Docker engine has already. */
async function presentTestImages(): Promise<string[]> {
  const present: string[] = []
  for (const image of Object.values(TEST_IMAGES)) {
    const { code } = await tryCommand('docker', ['image', 'inspect', image])
    if (code === 0) present.push(image)
  }
  return present
}

const [name = '', ...args] = process.argv.slice(2)
const action = actions[name]
try {
  if (!action) throw new Error(`there is no "${name}": ${Object.keys(actions).join(', ')}`)
  process.exitCode = await action(args)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
