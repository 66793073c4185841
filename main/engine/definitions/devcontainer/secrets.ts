import { type SecretRequest, variableNameFault } from '#contract'
import { shorten, type Value } from '../document/value'

/** More than these nobody is asked for. */
const maximumSecrets = 50

/**
 * `secrets` of a devcontainer.json (containers.dev, "devcontainer.json reference"): names that the user is asked for,
 * each with what it is for and where to read of it. A name that no variable can have, or a link that is none, is left
 * out and said. Throws `definition-invalid`.
 */
export function readSecrets(value: Value): SecretRequest[] {
  const secrets: SecretRequest[] = []
  for (const [name, field] of value.fields(
    'Write, for example, "secrets": {"TOKEN": {"description": "…"}}.',
  )) {
    const fault = variableNameFault(name)
    if (fault !== undefined) {
      field.ignore(fault.charAt(0).toLowerCase() + fault.slice(1).replace(/\.$/, ''))
      continue
    }
    if (secrets.length === maximumSecrets) {
      field.ignore(`only ${maximumSecrets} secrets are asked for`)
      continue
    }
    secrets.push({ name, ...(field.type === 'null' ? {} : readFacts(field)) })
  }
  return secrets
}

function readFacts(value: Value): Omit<SecretRequest, 'name'> {
  const facts: { description?: string; documentationUrl?: string } = {}
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    if (name === 'description') facts.description = shorten(field.words(), 1_000)
    else if (name === 'documentationUrl') {
      const address = field.text()
      if (isWebAddress(address)) facts.documentationUrl = address
      else field.ignore('it is no http or https address')
    } else field.ignore('a secret has "description" and "documentationUrl"')
  }
  return facts
}

function isWebAddress(text: string): boolean {
  return text.length <= 2_000 && /^https?:\/\//i.test(text) && URL.canParse(text)
}
