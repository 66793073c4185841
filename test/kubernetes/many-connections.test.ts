import { afterAll, beforeAll, it } from 'vitest'
import type { Workspace } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { startEngine, type TestEngine } from '../ports/engine'
import { manyConnections, SERVER } from '../ports/many-connections.suite'

let namespace: TestNamespace
let test: TestEngine
let workspace: Workspace

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  test = await startEngine({ KUBECONFIG: namespace.kubeconfig })
  const target = test.engine.collections.targets.list().find(({ kind }) => kind === 'kubernetes')
  workspace = await test.create({
    source: { kind: 'image', image: TEST_IMAGES.debian },
    targetId: target?.id ?? '',
  })
})
afterAll(async () => {
  await test?.dispose()
  await namespace?.dispose()
})

it('ten thousand connections to a pod leave nothing behind', { timeout: 900_000 }, async () => {
  const link = test.engine.links.get(workspace.id)
  await link.missing(AbortSignal.timeout(60_000))
  const server = await link.exec({ command: ['python3', '-c', SERVER] })
  const script = 'p=$(pgrep -f "berth-agent[^ ]* serve"); ls /proc/$p/fd | wc -l; grep VmRSS /proc/$p/status'
  await manyConnections(test, workspace, async () => {
    const told = await test.run(workspace.id, 'bash', '-c', script)
    const [, descriptors, kilobytes] = /^(\d+)\nVmRSS:\s+(\d+) kB/.exec(told) ?? []
    if (!kilobytes) throw new Error(`no agent: ${told}`)
    return { descriptors: Number(descriptors), memory: Number(kilobytes) * 1024 }
  })
  server.destroy()
})
