import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { CuttingProxy } from '../harness/cutting-proxy'
import { sharedCluster } from '../harness/kubernetes/shared'
import { survivals } from '../terminals/survivals.suite'

describe('on a cluster', () => {
  survivals(async () => {
    const cluster = await sharedCluster()
    const namespace = await cluster.makeNamespace()
    const kubeconfig = readFileSync(namespace.kubeconfig, 'utf8')
    const server = /"?server"?:\s*"?([^"\s,]+)/.exec(kubeconfig)?.[1] ?? ''
    const proxy = await CuttingProxy.start(new URL(server))
    const folder = mkdtempSync(join(tmpdir(), 'berth-survivals-'))
    const path = join(folder, 'kubeconfig')
    writeFileSync(path, kubeconfig.replace(server, proxy.url), { mode: 0o600 })
    return {
      kind: 'kubernetes',
      env: { KUBECONFIG: path },
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
