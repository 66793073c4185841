import type { HostRequirements } from '#contract'
import type { Value } from '../document/value'

const powers: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4 }

/** A size such as `8gb`, in bytes (containers.dev, "Minimum host requirements"). */
function readSize(value: Value): number {
  const text = value.type === 'number' ? value.raw() : value.text().trim()
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*(?:([tgmk])i?b?|b)?$/i.exec(text)
  const bytes = Math.round(Number(match?.[1]) * 1024 ** (powers[match?.[2]?.toLowerCase() ?? ''] ?? 0))
  if (!match || bytes === 0 || !Number.isSafeInteger(bytes)) {
    throw value.mustBe('a size', 'Write, for example, "8gb".')
  }
  return bytes
}

/** `hostRequirements`. Throws `definition-invalid`. */
export function readHostRequirements(value: Value): HostRequirements {
  const requirements: HostRequirements = {}
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    switch (name) {
      case 'cpus': {
        const text = field.type === 'number' || field.type === 'string' ? field.raw().trim() : ''
        const cpus = text === '' ? Number.NaN : Number(text)
        if (!(cpus > 0)) throw field.mustBe('a number of processors')
        requirements.cpus = cpus
        break
      }
      case 'memory':
        requirements.memory = readSize(field)
        break
      case 'storage':
        requirements.storage = readSize(field)
        break
      case 'gpu':
        readGpu(field, requirements)
        break
      default:
        field.ignore('unknown field')
    }
  }
  return requirements
}

function readGpu(field: Value, requirements: HostRequirements): void {
  const written = field.type === 'string' ? field.raw().trim().toLowerCase() : ''
  if (written === 'required') requirements.gpu = 'required'
  else if (field.type === 'boolean' || written === 'true' || written === 'false') {
    if (field.boolean()) requirements.gpu = 'required'
  } else if (field.type === 'object') {
    requirements.gpu = 'required'
    for (const size of field.fields().values())
      size.ignore('how large the graphics processor is, is not looked at')
  } else requirements.gpu = field.choice(['optional'])
}
