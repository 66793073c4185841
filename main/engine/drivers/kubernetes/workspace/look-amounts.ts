import type { KubernetesOptions } from '#contract'
import { quantityOf } from './quantity'

type Amounts = Pick<KubernetesOptions, 'requests' | 'limits'>

/** What a shell needs to print a few lines, or to wait. */
export const little: Amounts = {
  requests: { cpu: '10m', memory: '32Mi' },
  limits: { cpu: '200m', memory: '64Mi' },
}

/**
 * What each of the two containers that look into an image asks for, to be tried in this order. Half of what the
 * workspace asks for: where a quota has room for that, it has room for the two. A namespace may set a least for each
 * container: then all of it. Where neither is let in, or nothing was asked for and the defaults are too much: a little.
 */
export function lookAmounts({ requests, limits }: Amounts): readonly Amounts[] {
  if (!requests && !limits) return [{}, little]
  const whole = { ...(requests && { requests }), ...(limits && { limits }) }
  const halves = {
    ...(requests && { requests: halfOf(requests) }),
    ...(limits && { limits: halfOf(limits) }),
  }
  return [halves, whole, little]
}

function halfOf({ cpu, memory }: NonNullable<Amounts['requests']>): NonNullable<Amounts['requests']> {
  return {
    ...(cpu !== undefined && { cpu: `${Math.max(1, Math.floor(quantityOf(cpu) * 500))}m` }),
    ...(memory !== undefined && { memory: String(Math.max(1, Math.floor(quantityOf(memory) / 2))) }),
  }
}
