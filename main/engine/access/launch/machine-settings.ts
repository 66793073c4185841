import { applyEdits, modify, type ParseError, parse } from 'jsonc-parser'

export type EditorSettings = Readonly<Record<string, unknown>>

const format = { formattingOptions: { insertSpaces: true, tabSize: 2 } }
const readable = { allowTrailingComma: true }

/**
 * The text of a settings file with what a definition wants in it, every other byte left alone. What somebody has set
 * stays: only what is not there is added, and what is still as it was `before`, when it was added, is changed or taken
 * away. Undefined where there is nothing to do, or the file is not one that can be changed.
 */
export function mergeSettings(
  text: string,
  wanted: EditorSettings,
  before: EditorSettings,
): string | undefined {
  const errors: ParseError[] = []
  const current: unknown = text.trim() === '' ? {} : parse(text, errors, readable)
  if (errors.length > 0 || typeof current !== 'object' || current === null || Array.isArray(current))
    return undefined
  const has = current as EditorSettings
  let result = text.trim() === '' ? '{}' : text
  const put = (name: string, value: unknown) => {
    result = applyEdits(result, modify(result, [name], value, format))
  }
  const isOurs = (name: string) => Object.hasOwn(before, name) && isSame(has[name], before[name])
  for (const [name, value] of Object.entries(wanted)) {
    if (Object.hasOwn(has, name) && (!isOurs(name) || isSame(has[name], value))) continue
    put(name, value)
  }
  for (const name of Object.keys(before))
    if (!Object.hasOwn(wanted, name) && Object.hasOwn(has, name) && isOurs(name)) put(name, undefined)
  return result === text ? undefined : result
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
