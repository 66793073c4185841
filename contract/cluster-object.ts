import { z } from 'zod'
import type { Right } from './container-options'

/** An object of a cluster that a definition wants in the workspace's namespace, beside the workspace. */
export const ClusterObject = z.strictObject({
  /** `apps/v1`. */
  apiVersion: z.string().regex(/^[a-z0-9.-]{1,100}(?:\/v[a-z0-9]{1,18})?$/),
  kind: z.string().regex(/^[A-Z][A-Za-z0-9]{0,62}$/),
  name: z.string().regex(/^[a-z0-9](?:[-a-z0-9.:]{0,251}[a-z0-9])?$/),
  /** Of the manifest: sixteen hexadecimal digits. Another manifest is another object to be allowed. */
  digest: z.string().regex(/^[0-9a-f]{16}$/),
  /** The whole object, without a namespace and without a status. */
  manifest: z.record(z.string(), z.unknown()),
  /** It is not made with the workspace, but when a task or an event asks for it. */
  onDemand: z.literal(true).optional(),
})
export type ClusterObject = z.infer<typeof ClusterObject>

/** Of one definition, together; it is kept with the workspace, where room is short. */
export const maximumClusterObjects = 40

/** What the user has to allow before the object is made. */
export function clusterObjectRight(
  { apiVersion, kind, name, digest }: ClusterObject,
  origin?: string,
): Right {
  return {
    kind: 'clusterObject',
    value: `${kind} ${name} (${apiVersion}, ${digest})`,
    ...(origin === undefined ? {} : { origin }),
  }
}
