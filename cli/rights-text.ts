import { type Definition, describeRight, grantedRights } from '#contract'

/** What a workspace got of power over the machine that runs it, a line for each. */
export function rightsLines({ container }: Pick<Definition, 'container'>): string[] {
  return grantedRights(container).map(
    (right) => `Allowed: ${describeRight(right)}${right.origin ? `, for ${right.origin}` : ''}`,
  )
}
