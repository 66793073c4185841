import { type Bounds, type Room, resourceLabel } from '#contract'
import { table } from './text'

/** What room a namespace has, for people. */
export function roomTable({ allowances, bounds, storageClasses, unknown }: Room): string[] {
  const lines: string[] = []
  if (allowances.length > 0) {
    lines.push(
      table(
        ['QUOTA', 'OF', 'LEFT', 'IN USE', 'LIMIT'],
        allowances.map(({ quota, resource, left, used, limit }) => [
          quota,
          resourceLabel(resource),
          left,
          used,
          limit,
        ]),
      ),
    )
  } else if (!unknown.includes('list resourcequotas')) lines.push('No quota limits what is in the namespace.')
  if (bounds.length > 0) {
    lines.push(
      '',
      table(
        ['FOR EACH', 'OF', 'AT LEAST', 'AT MOST', 'IF NOT SAID'],
        bounds.map((one) => [
          one.of,
          resourceLabel(one.resource),
          one.min ?? '',
          one.max ?? '',
          defaultsText(one),
        ]),
      ),
    )
  }
  if (storageClasses) {
    const names = storageClasses.map(({ name, isDefault }) => (isDefault ? `${name} (default)` : name))
    lines.push('', `Storage classes: ${names.join(', ') || 'none'}`)
  }
  return lines
}

function defaultsText({ defaultRequest, defaultLimit }: Bounds): string {
  return [defaultRequest && `${defaultRequest} sure`, defaultLimit && `${defaultLimit} at most`]
    .filter(Boolean)
    .join(', ')
}

/** What could not be asked, a line for each. */
export function unknownText({ unknown }: Room): string[] {
  return unknown.map((right) => `Not known: you may not ${right}.`)
}

/** One line before a workspace is made: what the quotas leave. Nothing where there is none. */
export function roomLine({ allowances }: Room): string | undefined {
  if (allowances.length === 0) return undefined
  const parts = allowances.map(
    ({ resource, left, limit }) => `${resourceLabel(resource)} ${left} of ${limit}`,
  )
  return `Left in the namespace: ${parts.join(', ')}.`
}
