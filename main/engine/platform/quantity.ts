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

/** What an amount of Kubernetes comes to, in whole units (cores, bytes); NaN for what is none. */
export function quantityOf(text: string): number {
  const [, number, suffix = ''] = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text) ?? []
  const factor = factors[suffix]
  return number === undefined || factor === undefined ? Number.NaN : Number(number) * factor
}

/** Whether one amount is more than another, for amounts that are some; a hair's breadth of rounding apart is not. */
export function isMore(one: string, other: string): boolean {
  return quantityOf(one) > quantityOf(other) * (1 + 1e-9)
}
