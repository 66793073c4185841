/**
 * Milliseconds that this process has worked. What computes and never waits is bounded by it: on a busy machine it is
 * about what it is on an idle one, which the time of day is not.
 */
export function processorTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
