import { quantityOf } from '../../platform/quantity'
import type { Value } from '../document/value'

/** No amount needs more characters, and to read longer ones takes long. */
const LONGEST = 100

/** An amount as Kubernetes writes it (resource.Quantity): `512Mi` gives 536870912, `500m` gives 0.5. */
export function parseQuantity(text: string): number | undefined {
  const amount = text.length > LONGEST ? Number.NaN : quantityOf(text)
  return Number.isFinite(amount) && amount >= 0 ? amount : undefined
}

export function readQuantity(value: Value, example: string): number {
  const amount = parseQuantity(value.text(`Put it in quotes, as in "${example}".`))
  if (amount === undefined)
    throw value.mustBe('an amount', `Write it as Kubernetes does, as in "${example}".`)
  return amount
}
