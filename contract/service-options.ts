import { z } from 'zod'
import { ContainerOptions } from './container-options'

/**
 * How the container of a service is made, beyond image, mounts, user and variables. What it asks for of rights is in
 * the definition's `container.rights`, with its name. Sizes are in bytes; each part is applied wherever a target can.
 */
export const ServiceOptions = ContainerOptions.pick({
  labels: true,
  shmSize: true,
  ulimits: true,
  groups: true,
  memory: true,
  memorySwap: true,
  cpus: true,
  capabilitiesDropped: true,
  noNewPrivileges: true,
  files: true,
}).extend({
  /** What is kept free for it, of memory and of processors. */
  memoryReserved: z.number().int().positive().optional(),
  cpusReserved: z.number().positive().optional(),
  /** Processes and threads at most. */
  processes: z.number().int().positive().optional(),
  /** Nothing in it can be written but its mounts. */
  readOnly: z.literal(true).optional(),
  /** An init process is its process 1. */
  init: z.literal(true).optional(),
  /** What asks it to end, as `SIGTERM`; absent: what its image says. */
  stopSignal: z.string().optional(),
  /** Milliseconds that it may take to end before it is killed. */
  stopGrace: z.number().int().positive().optional(),
})
export type ServiceOptions = z.infer<typeof ServiceOptions>
