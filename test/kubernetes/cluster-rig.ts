import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Source } from '#contract'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { Machine, Rig, writeFiles } from '../workspaces/rig'

/** What a test of workspaces on the cluster has, in a namespace of its own. */
export interface ClusterRig {
  readonly cluster: TestCluster
  readonly namespace: TestNamespace
  readonly machine: Machine
  readonly rig: Rig
  /** A folder of the test's machine with these files. */
  source(name: string, files: Readonly<Record<string, string>>): Extract<Source, { kind: 'folder' }>
}

/** Makes it before the tests of a file, whose workspaces all go after them; `use` is told of it. */
export function withClusterRig(use: (made: ClusterRig) => void): void {
  let made: ClusterRig | undefined
  beforeAll(async () => {
    const cluster = await sharedCluster()
    const namespace = await cluster.makeNamespace()
    const machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
    const rig = new Rig(machine, { kind: 'kubernetes' })
    const source: ClusterRig['source'] = (name, files) => {
      const path = join(machine.home, name)
      mkdirSync(path)
      writeFiles(path, files)
      return { kind: 'folder', path }
    }
    made = { cluster, namespace, machine, rig, source }
    await rig.service.settled
    use(made)
  })
  afterAll(async () => {
    if (!made) return
    const { namespace, machine, rig } = made
    for (const { id } of rig.service.workspaces.list()) await rig.act('delete', id)
    await rig.dispose()
    machine.dispose()
    await namespace.dispose()
  })
}
