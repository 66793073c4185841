/** Microseconds; the kernel's usual. */
const PERIOD = 100_000
/** The least that the kernel takes. */
const LEAST = 1_000

/**
 * How many processors a container has at most, in what the engine's container create takes: by quota and not by
 * `NanoCpus`, which an engine refuses where it has fewer processors, and beside a quota.
 */
export function processorQuota(cpus: number): { readonly CpuPeriod: number; readonly CpuQuota: number } {
  return { CpuPeriod: PERIOD, CpuQuota: Math.max(LEAST, Math.round(cpus * PERIOD)) }
}
