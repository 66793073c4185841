/** Indexed colours (4), then foreground, background and cursor (10, 11, 12); each is reset by its number plus 100. */
export const colorSequences = [4, 10, 11, 12, 104, 110, 111, 112] as const

/** What programs have changed of the palette (OSC 4, 10, 11, 12), for a terminal that joins later. */
export class ColorChanges {
  readonly #set = new Map<string, string>()

  /** Takes the text of an OSC sequence after its number. Queries change nothing. */
  apply(number: (typeof colorSequences)[number], data: string): void {
    if (number === 4) {
      const fields = data.split(';')
      for (let at = 0; at + 1 < fields.length; at += 2) this.#store(`4;${fields[at]}`, fields[at + 1] ?? '')
    } else if (number === 104) {
      const indexes = data.split(';').filter((index) => index !== '')
      for (const key of [...this.#set.keys()])
        if (key.startsWith('4;') && (indexes.length === 0 || indexes.includes(key.slice(2))))
          this.#set.delete(key)
    } else if (number >= 110) {
      this.#set.delete(String(number - 100))
    } else {
      // One sequence may set this colour and those after it: OSC 10 ; foreground ; background ; cursor.
      for (const [offset, value] of data.split(';').entries())
        if (number + offset <= 12) this.#store(String(number + offset), value)
    }
  }

  get sequences(): string {
    return [...this.#set].map(([key, value]) => `\x1b]${key};${value}\x07`).join('')
  }

  clear(): void {
    this.#set.clear()
  }

  #store(key: string, value: string): void {
    if (value !== '' && value !== '?' && value.length < 64) this.#set.set(key, value)
  }
}
