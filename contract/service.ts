import { z } from 'zod'
import { ImageBuild } from './image-build'
import { Mount, SourceMount } from './mount'
import { ServiceOptions } from './service-options'

/** How a service tells that it can be used (Compose specification, "healthcheck"). Times are in milliseconds. */
export const HealthCheck = z.strictObject({
  /** An argument vector, run inside the service; ends with 0 when it is well. */
  command: z.array(z.string()).min(1),
  interval: z.number().int().positive(),
  timeout: z.number().int().positive(),
  /** Failures in a row that make it unwell. */
  retries: z.number().int().positive(),
  /** Failures in this time after the start do not count. */
  startPeriod: z.number().int().nonnegative(),
})
export type HealthCheck = z.infer<typeof HealthCheck>

/** What of another service must be so before a service starts (Compose specification, "depends_on"). */
export const Dependency = z.strictObject({
  service: z.string(),
  condition: z.enum(['started', 'healthy', 'completed']),
})
export type Dependency = z.infer<typeof Dependency>

/**
 * A container beside the workspace's own, which starts and stops with it: a database, say. It shares the workspace's
 * network: what it listens on is on `localhost` for the workspace and for every other service, and its name leads
 * there too, on every kind of target.
 */
export const Service = z.strictObject({
  /** Also its host name: at most 50 lower-case letters, digits and `-`. */
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/),
  /** Exactly one of `image` and `build` is present. */
  image: z.string().optional(),
  build: ImageBuild.optional(),
  /** In place of the image's own. */
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  /** Variables that name this machine's environment stay as written, as in the definition's `containerEnv`. */
  env: z.record(z.string(), z.string()),
  /** Absent: as the image says. */
  user: z.string().optional(),
  workingFolder: z.string().optional(),
  /** A volume with a `source` is the workspace's: other services see the same one, and it goes when the workspace goes. */
  mounts: z.array(Mount),
  /** Where the source's root folder is inside the service; absent: it does not see the source. */
  sourceFolder: z.string().optional(),
  /** Parts of the source that it sees at places of their own. */
  sourceMounts: z.array(SourceMount).optional(),
  /** What it is said to listen on. */
  ports: z.array(z.number().int().min(1).max(65535)),
  /** Other names that lead to it. */
  aliases: z.array(z.string()),
  health: HealthCheck.optional(),
  dependsOn: z.array(Dependency),
  /** Start it again when it ends: always, only when it failed, or never. */
  restart: z.enum(['always', 'on-failure', 'never']),
  /** It is to be apart from the pod of the others, where a target has pods (devfile, "dedicatedPod"). */
  ownPod: z.literal(true).optional(),
  /** How its container is made besides; absent: in the target's usual way. */
  container: ServiceOptions.optional(),
})
export type Service = z.infer<typeof Service>

/** How a service is. */
export const ServiceStatus = z.strictObject({
  name: z.string(),
  /** The image's reference, or the tag of the image that Berth built. */
  image: z.string(),
  /** `running` where it cannot tell whether it is well. */
  state: z.enum(['stopped', 'starting', 'running', 'healthy', 'unhealthy', 'ended', 'failed']),
  /** Why, in one sentence without a full stop; never empty. */
  reason: z.string(),
})
export type ServiceStatus = z.infer<typeof ServiceStatus>
