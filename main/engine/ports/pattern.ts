import { createContext, Script } from 'node:vm'

/** Milliseconds that one comparison may take: what a person writes takes a thousandth of it, even on a busy machine. */
const PATIENCE = 250
/** The same once some have taken longer: there are more where those come from. */
const LITTLE_PATIENCE = 10
const FEW = 4
/** Characters of a command line that are looked at. */
const LONGEST_TEXT = 4096
const MOST_REMEMBERED = 2000

/** Not to be had by another way: only a script that is run with a time limit is ended while it matches. */
const matching = new Script('pattern.test(text)')
const room = createContext(Object.create(null))

/** What has been compared: the same listeners are looked at again and again. */
const remembered = new Map<string, boolean>()
/** Patterns that took too long once are never tried again. */
const hostile = new Set<string>()

/**
 * Whether a regular expression of a definition fits a text. Both may be of somebody who wants the engine to stand
 * still: what takes too long fits nothing, and neither does what is no regular expression.
 */
export function fitsPattern(pattern: string, text: string): boolean {
  if (hostile.has(pattern)) return false
  const shown = text.slice(0, LONGEST_TEXT)
  const key = `${pattern}\0${shown}`
  const known = remembered.get(key)
  if (known !== undefined) return known
  const fits = compare(pattern, shown)
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(key, fits)
  return fits
}

function compare(pattern: string, text: string): boolean {
  let expression: RegExp
  try {
    expression = new RegExp(pattern)
  } catch {
    return false
  }
  room.pattern = expression
  room.text = text
  try {
    return matching.runInContext(room, { timeout: hostile.size < FEW ? PATIENCE : LITTLE_PATIENCE }) === true
  } catch {
    if (hostile.size >= MOST_REMEMBERED) hostile.clear()
    hostile.add(pattern)
    return false
  } finally {
    room.pattern = undefined
    room.text = undefined
  }
}
