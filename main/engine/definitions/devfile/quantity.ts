import type { Value } from '../document/value'

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** An amount as Kubernetes writes it (resource.Quantity): `512Mi` gives 536870912, `500m` gives 0.5. */
export function parseQuantity(text: string): number | undefined {
  const match =
    /^([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/.exec(
      text,
    )
  if (!match) return undefined
  const number = Number(match[1])
  const amount =
    match[3] === undefined ? number * (factors[match[2] ?? ''] ?? 1) : number * 10 ** Number(match[3])
  return amount < 0 ? undefined : amount
}

export function readQuantity(value: Value, example: string): number {
  const amount = parseQuantity(value.text(`Put it in quotes, as in "${example}".`))
  if (amount === undefined)
    throw value.mustBe('an amount', `Write it as Kubernetes does, as in "${example}".`)
  return amount
}
