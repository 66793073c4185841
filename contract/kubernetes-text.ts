import type { KubernetesOptions } from './kubernetes'

/** What of a text is not as it should be. */
export class TextFault extends Error {}

export type TolerationText = NonNullable<KubernetesOptions['tolerations']>[number]

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const

/**
 * A toleration, written as `kubectl taint` writes a taint: `key`, `key:effect` or `key=value:effect`. Throws a
 * {@link TextFault}.
 */
export function parseToleration(text: string): TolerationText {
  const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?(?::(\w+))?$/.exec(text) ?? []
  if (key === undefined) throw new TextFault('Write key, key:effect or key=value:effect.')
  const named = effects.find((one) => one === effect)
  if (effect !== undefined && named === undefined)
    throw new TextFault(`The effect is one of ${effects.join(', ')}.`)
  return {
    key,
    ...(value === undefined ? { operator: 'Exists' } : { operator: 'Equal', value }),
    ...(named === undefined ? {} : { effect: named }),
  }
}

/** Of texts such as `key=value`. Throws a {@link TextFault}. */
export function parsePairs(texts: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    if (at < 1) throw new TextFault('Write key=value.')
    found[text.slice(0, at)] = text.slice(at + 1)
  }
  return found
}
