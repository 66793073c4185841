import { z } from 'zod'

/**
 * One command of an event whose commands run in several containers, or in another one than the workspace's own (devfile,
 * "events"). It begins when those that it comes after have succeeded, and not at all when one of them has failed.
 */
export const EventStep = z.strictObject({
  /** As its file calls it. */
  name: z.string(),
  /** In whose container it runs; absent: in the workspace's own. */
  service: z.string().optional(),
  /** A shell line, which may have several lines. */
  line: z.string(),
  /** Places in the list, from 0, of earlier ones. */
  after: z.array(z.number().int().nonnegative()),
})
export type EventStep = z.infer<typeof EventStep>

/** What runs at these events in place of a single command. */
export const EventSteps = z.strictObject({
  /** In place of `postStartCommand`. */
  postStart: z.array(EventStep).min(1).optional(),
  /** In place of `preStopCommand`. */
  preStop: z.array(EventStep).min(1).optional(),
})
export type EventSteps = z.infer<typeof EventSteps>
