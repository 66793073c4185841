import { describe } from 'vitest'
import { testApps } from '../apps/apps.suite'
import { APPS_IMAGE, whyNoApps } from '../apps/image'
import { ownClusterOf } from '../harness/kubernetes/cluster'
import { startEngine } from '../ports/engine'
import { clusterOf } from './workspace'

const kubeconfig = process.env.BERTH_TEST_CLUSTER ?? ''
const cluster = await ownClusterOf(kubeconfig)
const reason = cluster ? await whyNoApps() : 'the cluster is not one of the tests’ own, and has not the image'
if (reason) console.log(`skipped: the real apps on a cluster, because ${reason}`)

describe.skipIf(reason !== undefined)('real apps in a pod, opened by the URL that Berth gives', () => {
  testApps(async () => {
    if (!cluster) throw new Error('no cluster')
    await cluster.loadImage(APPS_IMAGE)
    const namespace = await cluster.makeNamespace()
    const test = await startEngine({ KUBECONFIG: namespace.kubeconfig })
    return {
      test,
      targetId: clusterOf(test),
      dispose: async () => {
        await test.dispose()
        await namespace.dispose()
      },
    }
  })
})
