/** Compares versions such as `3.9` and `3.12` number by number. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number))
  for (let at = 0; at < Math.max(a?.length ?? 0, b?.length ?? 0); at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The first `parts` numbers of a version that stands in a text: `3.12` of `python-3.12.4`; undefined where none does. */
export function versionIn(text: string, parts: number): string | undefined {
  const found = /\d{1,4}(?:\.\d{1,4}){0,3}/.exec(text.slice(0, 200))?.[0]
  if (found === undefined) return undefined
  const numbers = found.split('.').slice(0, parts)
  while (numbers.length < parts) numbers.push('0')
  return numbers.map(Number).join('.')
}

const comparison = /(>=|<=|==|~=|~>|[><^~=]|)\s*v?(\d{1,4}(?:\.\d{1,4}){0,3})/g

interface Term {
  readonly operator: string
  /** Cut to the numbers that count. */
  readonly version: string
  readonly whole: string
}

/**
 * The version to take for what a file allows, in any of the usual ways to say it (`^20`, `>=18 <21`, `18 || 20`,
 * `~=3.9`, `20.x`): `preferred` where it is allowed, else the newest that is named and not excluded.
 */
export function versionFor(range: string, preferred: string, parts: number): string | undefined {
  const text = range.slice(0, 200).trim()
  if (/^(?:|\*|x|latest|stable|node|current)$/i.test(text)) return preferred
  let newest: string | undefined
  for (const alternative of text.replace(/!=\s*[\d.*]+/g, '').split('||')) {
    const terms: Term[] = [...alternative.matchAll(comparison)].map(([, operator = '', whole = '']) => ({
      operator:
        operator === '~>' ? (whole.split('.').length > 2 ? '~' : '^') : operator === '~=' ? '^' : operator,
      version: versionIn(whole, parts) ?? '',
      whole,
    }))
    const excluded = (version: string) => terms.some((term) => isExcluded(version, term))
    const open = terms.length > 0 && terms.every(({ operator }) => /[<>^]/.test(operator))
    if (open && !excluded(preferred)) return preferred
    for (const { operator, version } of terms) {
      const named = operator === '<' ? before(version) : version
      if (named !== undefined && !excluded(named)) newest = later(newest, named)
    }
  }
  return newest
}

function isExcluded(version: string, { operator, version: other, whole }: Term): boolean {
  const order = compareVersions(version, other)
  switch (operator) {
    case '<':
      // `<20.5` leaves a part of 20.
      return order > 0 || (order === 0 && compareVersions(whole, other) === 0)
    case '<=':
      return order > 0
    case '>':
    case '>=':
      return order < 0
    case '^':
      return order < 0 || version.split('.')[0] !== other.split('.')[0]
    default:
      return false
  }
}

function later(one: string | undefined, other: string): string {
  return one === undefined || compareVersions(other, one) > 0 ? other : one
}

/** The version before a bound; undefined where that cannot be told. */
function before(version: string): string | undefined {
  const numbers = version.split('.').map(Number)
  const last = numbers.pop() ?? 0
  return last === 0 ? undefined : [...numbers, last - 1].join('.')
}
