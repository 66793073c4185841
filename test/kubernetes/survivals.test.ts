import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { throughProxy } from '../harness/kubernetes/cut-off'
import { sharedCluster } from '../harness/kubernetes/shared'
import { survivals } from '../terminals/survivals.suite'

describe('on a cluster', () => {
  survivals(async () => {
    const cluster = await sharedCluster()
    const namespace = await cluster.makeNamespace()
    const folder = mkdtempSync(join(tmpdir(), 'berth-survivals-'))
    const { kubeconfig, proxy } = await throughProxy(namespace.kubeconfig, folder)
    return {
      kind: 'kubernetes',
      env: { KUBECONFIG: kubeconfig },
      proxy,
      inside: ({ id }, ...command) =>
        namespace.kubectl('exec', `ws-${id}-0`, '-c', 'workspace', '--', ...command).catch(() => ''),
      async dispose() {
        await proxy.dispose()
        await namespace.dispose()
        rmSync(folder, { recursive: true })
      },
    }
  })
})
