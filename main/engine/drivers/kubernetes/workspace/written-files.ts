import type { V1SecretVolumeSource, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { ContainerOptions, Definition, NotApplied, WrittenFile } from '#contract'
import { plainPath } from '../../shared/folders'
import { contentOfFile, filesOf, usualMode } from '../../shared/written-files'

/** Key of a file in the workspace's Secret; without a service of its own container. */
const fileKey = (index: number, service?: string) =>
  service === undefined ? `file.${index}` : `service.${service}.file.${index}`

/** What the workspace's Secret holds of files, by their keys. `env` is this machine's. */
export function fileSecrets(
  { container, services }: Pick<Definition, 'container' | 'services'>,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const all = new Map<string, string>()
  const take = (options: Pick<ContainerOptions, 'files'> | undefined, service?: string) => {
    // The reader has seen it set on this machine; what is gone since is an empty file.
    for (const [index, file] of filesOf(options).entries())
      all.set(fileKey(index, service), contentOfFile(file, env) ?? '')
  }
  take(container)
  for (const { name, container: own } of services) take(own, name)
  return all
}

/** How a container of the pod has its files: each from the workspace's Secret, at its own place. */
export function fileMounts(
  options: Pick<ContainerOptions, 'files'> | undefined,
  secretName: string,
  service?: string,
): {
  readonly volumes: readonly (V1Volume & { readonly secret: V1SecretVolumeSource })[]
  readonly mounts: readonly V1VolumeMount[]
} {
  const files = filesOf(options)
  if (files.length === 0) return { volumes: [], mounts: [] }
  const name = service === undefined ? 'files' : `files-${service}`
  const items = files.map((file, index) => ({
    key: fileKey(index, service),
    path: String(index),
    mode: modeHere(file),
  }))
  return {
    volumes: [{ name, secret: { secretName, items } }],
    mounts: files.map(({ target }, index) => ({
      name,
      mountPath: plainPath(target),
      subPath: String(index),
      readOnly: true,
    })),
  }
}

/** They belong to root here: what somebody else was to have of one, everybody in its container has. */
function modeHere({ mode = usualMode, uid, gid }: WrittenFile): number {
  if (uid === undefined && gid === undefined) return mode
  return mode | (mode >> 3) | (mode >> 6)
}

/** What of them a cluster does otherwise. */
export function otherOwners(options: Pick<ContainerOptions, 'files'> | undefined): readonly NotApplied[] {
  return filesOf(options)
    .filter(({ uid, gid }) => uid !== undefined || gid !== undefined)
    .map(({ target }) => ({
      field: `owner of ${target}`,
      reason:
        'on a cluster such a file belongs to root, and everybody in its container has the rights of its owner',
    }))
}
