/** The value below which the share `at` (0 to 1) of the values lies; linear between neighbours. NaN for none. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((left, right) => left - right)
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * at
  const below = Math.floor(position)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? low
  return low + (high - low) * (position - below)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** How many times the sample is drawn again. */
const DRAWS = 10_000

/**
 * 95 % bootstrap interval of a quantile, by default the median (Efron's percentile method). Deterministic: the draws
 * come from a fixed seed, so the same measurements give the same interval.
 */
export function bootstrap(values: readonly number[], at = 0.5): Interval {
  const random = generator(0x5eed)
  const quantiles: number[] = []
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const sample = values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)
    quantiles.push(quantile(sample, at))
  }
  return { low: quantile(quantiles, 0.025), high: quantile(quantiles, 0.975) }
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
