const milliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** The longest that is believed: what is longer no engine's clock takes. */
const longest = 2 ** 31

/**
 * A time such as `1m30s` in whole milliseconds, at least one unless it is nothing at all (Compose specification,
 * "Specifying durations"). Undefined where it is none.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed === '0') return 0
  if (trimmed.length > 40 || !/^(?:\d+(?:\.\d+)?(?:[nuµm]?s|[mhdw]))+$/.test(trimmed)) return undefined
  let sum = 0
  for (const [, count, unit = ''] of trimmed.matchAll(/(\d+(?:\.\d+)?)([nuµm]?s|[mhdw])/g)) {
    sum += Number(count) * (milliseconds[unit] ?? 0)
  }
  if (!(sum <= longest)) return undefined
  return sum === 0 ? 0 : Math.max(1, Math.round(sum))
}
