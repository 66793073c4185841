import { afterAll, beforeAll, it } from 'vitest'
import { manyConnections, SERVER } from '../ports/many-connections.suite'
import { openPodWorkspace, type PodWorkspace } from './workspace'

let pod: PodWorkspace

beforeAll(async () => {
  pod = await openPodWorkspace()
})
afterAll(() => pod?.dispose())

it('ten thousand connections to a pod leave nothing behind', { timeout: 900_000 }, async () => {
  const { test, workspace } = pod
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
