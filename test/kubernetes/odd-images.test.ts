import { describe } from 'vitest'
import { kubernetesHarness } from '../conformance/kubernetes-harness'
import { oddImages } from '../terminals/odd-images.suite'

describe('on a cluster', () => {
  const harness = kubernetesHarness()
  oddImages({
    harness,
    reachesBare: false,
    prepare: () => harness.prepare(),
    env: () => ({ KUBECONFIG: harness.kubeconfig() }),
    async makeReadOnly({ id }) {
      const containers = [{ name: 'workspace', securityContext: { readOnlyRootFilesystem: true } }]
      const patch = JSON.stringify({ spec: { template: { spec: { containers } } } })
      await harness.kubectl('patch', 'statefulset', `ws-${id}`, '-p', patch)
      await harness.kubectl('delete', 'pod', `ws-${id}-0`, '--grace-period=1', '--ignore-not-found')
    },
  })
})
