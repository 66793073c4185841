/**
 * A chord as it is written: modifiers and one key, joined by `+`, for instance `mod+shift+p`, `?`, `alt+arrowup`.
 * `mod` is Command on macOS and Control elsewhere. A letter or digit means the key with that label.
 */
export type Chord = string

/** The part of a keyboard event that says which chord was pressed. */
export interface KeyPress {
  readonly key: string
  readonly code: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly shiftKey: boolean
}

/** Modifiers and key, in lower case. The key may be the sign that joins them: `mod++`. */
function partsOf(chord: Chord): readonly string[] {
  const text = chord.toLowerCase()
  return text.endsWith('++') ? [...text.slice(0, -2).split('+'), '+'] : text.split('+')
}

/** Whether the press is that chord. Signs such as `?` need no `shift`, because layouts differ in how they are typed. */
export function matchesChord(press: KeyPress, chord: Chord, mac: boolean): boolean {
  const parts = partsOf(chord)
  const key = parts.at(-1) ?? ''
  const has = (modifier: string) => parts.slice(0, -1).includes(modifier)
  const mod = has('mod')
  if (press.ctrlKey !== ((mod && !mac) || has('ctrl'))) return false
  if (press.metaKey !== (mod && mac)) return false
  if (press.altKey !== has('alt')) return false
  const sign = key.length === 1 && !/[a-z0-9]/.test(key)
  if (!sign && press.shiftKey !== has('shift')) return false
  if (press.key.toLowerCase() === key) return true
  // With Shift or Alt held, `key` is what the layout makes of it; the code still names the key.
  return press.code === `Key${key.toUpperCase()}` || press.code === `Digit${key}`
}

/** A chord that a terminal's programs never see, or none: decides whether a bare key would be typed instead. */
export function hasModifier(chord: Chord): boolean {
  return /(^|\+)(mod|ctrl|alt)\+/.test(chord.toLowerCase())
}

const macNames: Record<string, string> = { mod: '⌘', ctrl: '⌃', alt: '⌥', shift: '⇧' }
const otherNames: Record<string, string> = { mod: 'Ctrl', ctrl: 'Ctrl', alt: 'Alt', shift: 'Shift' }
const keyNames: Record<string, string> = {
  arrowup: '↑',
  arrowdown: '↓',
  arrowleft: '←',
  arrowright: '→',
  enter: '↵',
  escape: 'Esc',
  delete: 'Del',
  pageup: 'PgUp',
  pagedown: 'PgDn',
}

/** The chord's keys as they are printed on the keyboard, in the order in which the platform writes them. */
export function chordLabels(chord: Chord, mac: boolean): readonly string[] {
  const names = mac ? macNames : otherNames
  return partsOf(chord).map(
    (part) => names[part] ?? keyNames[part] ?? (part.length <= 2 ? part.toUpperCase() : part),
  )
}
