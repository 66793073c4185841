import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../../scripts/setup/folders.mjs'
import type { ControlPlane } from './control-plane'
import type { Machine } from './machine'

const storageClass = (name: string, more: Readonly<Record<string, unknown>>, isDefault = false) => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name,
    annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) },
  },
  ...more,
})

/**
 * What kinds of volumes the cluster has, all of them folders below its own, made on demand:
 * - `standard`, the default: bound at once, writable as the pod's fsGroup says, grows in place.
 * - `on-first-use`: like it, and bound only when there is a pod that wants it. Does not grow.
 * - `root-only`: writable by root alone, whatever fsGroup says.
 */
export const storageClasses = [
  storageClass('standard', { provisioner: 'berth.test/folder', allowVolumeExpansion: true }, true),
  storageClass('on-first-use', {
    provisioner: 'berth.test/folder',
    volumeBindingMode: 'WaitForFirstConsumer',
  }),
  storageClass('root-only', { provisioner: 'kubernetes.io/host-path' }),
]

/** Starts what makes volumes of the first two classes. */
export async function startProvisioner(machine: Machine, controlPlane: ControlPlane): Promise<void> {
  const volumes = join(machine.folder, 'volumes')
  await mkdir(volumes, { recursive: true })
  // The machine may not see the checkout, if that lies in /tmp.
  const program = join(machine.folder, 'provisioner.mjs')
  await copyFile(join(root, 'test/harness/kubernetes/provisioner.mjs'), program)
  await machine.start('provisioner', process.execPath, [
    program,
    controlPlane.server,
    controlPlane.authority.certificate,
    controlPlane.tokens,
    volumes,
  ])
}
