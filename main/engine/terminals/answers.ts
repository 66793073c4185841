/**
 * Who answers when a program asks the terminal something.
 *
 * The mirror answers what the screen's state alone decides (device attributes, status, cursor position, modes,
 * settings): it reads every byte exactly once, whether windows come or go, and windows keep quiet. Only a window
 * knows its colours, so the leading window answers those; where none is attached, the answer is a guess.
 */

const ESCAPE = 0x1b

/** Whether input is a terminal's answer about colours and no key: nothing that a keyboard sends begins like this. */
export function isColorAnswer(data: Uint8Array): boolean {
  if (data[0] !== ESCAPE || data[1] !== 0x5d) return false
  const text = Buffer.from(data.buffer, data.byteOffset, Math.min(data.length, 32)).toString('latin1')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is a control sequence
  return /^\x1b\](?:4;\d+|1[0-2]);rgb:/.test(text)
}

/** Colours of Berth's two palettes that programs ask for to tell light from dark. */
const guesses = {
  dark: { '10': 'e2e7ec', '11': '0c1013', '12': '58c4dd' },
  light: { '10': '151b22', '11': 'ffffff', '12': '0b6b86' },
} as const

/** The answer while no window is attached; none for a colour that only a window knows. */
export function guessColor(color: string, theme: 'light' | 'dark'): string | undefined {
  const guess: Readonly<Record<string, string>> = guesses[theme]
  const value = guess[color]
  if (value === undefined) return undefined
  const channels = [value.slice(0, 2), value.slice(2, 4), value.slice(4, 6)]
  return `\x1b]${color};rgb:${channels.map((channel) => channel + channel).join('/')}\x1b\\`
}
