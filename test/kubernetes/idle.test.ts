import { afterAll, beforeAll } from 'vitest'
import { command } from '../harness/command'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { testIdle } from '../workspaces/idle.suite'

let namespace: TestNamespace

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
})
afterAll(() => namespace?.dispose())

const kubectl = async (...args: string[]) =>
  command('kubectl', ['--kubeconfig', namespace.kubeconfig, ...args])

testIdle({
  env: () => ({ KUBECONFIG: namespace.kubeconfig }),
  kind: 'kubernetes',
  hasEnded: async ({ id }) => {
    const path = '{.status.containerStatuses[0].lastState.terminated.message}'
    const pod = ['get', 'pod', `ws-${id}-0`, '--ignore-not-found', '-o', `jsonpath={.metadata.name} ${path}`]
    const said = await kubectl(...pod)
    return said === '' || said.includes('"berth":"idle"')
  },
  remains: async ({ id }) =>
    Number(await kubectl('get', 'statefulset', `ws-${id}`, '-o', 'jsonpath={.spec.replicas}')),
})
