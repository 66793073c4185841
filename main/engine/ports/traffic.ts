import type { LinkActivity } from '../link/link'
import type { Clock } from '../platform/clock'
import type { Carried } from './splice'

/** A connection that is left open says something now and then to stay alive: less than this, in that time. */
const ALIVE_BYTES = 1024
const ALIVE_TIME = 10_000

/**
 * What of one connection's bytes counts as activity: the first that its client sends, and more than it takes to keep it
 * alive. The agent counts the same way (agent/PROTOCOL.md, "Channel `activity@berth.dev`").
 */
export function trafficTo(activity: LinkActivity, port: number, clock: Clock): Carried {
  let asked = false
  let since = Number.NEGATIVE_INFINITY
  let bytes = 0
  return (count, fromClient) => {
    if (fromClient && !asked) {
      asked = true
      return activity.mark('traffic', String(port))
    }
    const now = clock.now()
    if (now - since >= ALIVE_TIME) {
      since = now
      bytes = 0
    }
    bytes += count
    if (bytes >= ALIVE_BYTES) activity.mark('traffic', String(port))
  }
}
