import { shorten, type Value } from '../document/value'

/** What is said of an option whose variables are not set. */
export const unsetReason = 'its value is that of a variable that your environment does not have'

/** Variables of this machine's environment, as a devcontainer.json names them. */
const variable = /\$\{(?:localEnv|env):[^}]*\}/

/**
 * Whether a text has come to nothing, or to nothing but what stands between values, since this machine's environment
 * has none of its variables. Another machine's may have them: it is named and left out. `written`: with its variables.
 */
export function isUnset(written: string, text: string): boolean {
  return /^[:/\\]*$/.test(text) && variable.test(written)
}

/** Whether a value, or anything in it, names a variable of this machine's environment. */
export function namesVariable(value: Value): boolean {
  return variable.test(value.type === 'string' ? value.raw() : JSON.stringify(value.plain()))
}

/** The text of a field that has a variable of this machine; undefined where that is not set, which is named. */
export function textIfSet(value: Value): string | undefined {
  const text = value.text()
  if (!isUnset(value.guardedText(), text)) return text
  value.ignore(`${unsetReason}: ${shorten(value.raw())}`)
  return undefined
}
