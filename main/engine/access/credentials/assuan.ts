/** Longest line, in bytes, with its end (assuan, "Client requests"). */
export const LONGEST_LINE = 1002
/** Most that is taken as one answer, in bytes: a signature has a few hundred, a list of keys some thousands. */
const LONGEST_ANSWER = 64 * 1024

/** What is no line of Assuan, the language of gpg's agent, or too long a one. */
export class AssuanError extends Error {}

/** Takes lines, without their ends, out of what comes in pieces. */
export class AssuanLines {
  #held: Buffer = Buffer.alloc(0)

  /** Throws {@link AssuanError}. */
  push(chunk: Buffer): Buffer[] {
    this.#held = Buffer.concat([this.#held, chunk])
    const lines: Buffer[] = []
    for (let end = this.#held.indexOf('\n'); end >= 0; end = this.#held.indexOf('\n')) {
      if (end >= LONGEST_LINE) break
      lines.push(this.#held.subarray(0, end))
      this.#held = this.#held.subarray(end + 1)
    }
    if (this.#held.length >= LONGEST_LINE) throw new AssuanError('not a line of Assuan')
    return lines
  }
}

/** Takes whole answers: lines up to one that begins with OK or ERR. */
export class AssuanAnswers {
  readonly #lines = new AssuanLines()
  #held: Buffer[] = []
  #size = 0

  /** Throws {@link AssuanError}, also where something is asked back: nothing that is passed on is answered so. */
  push(chunk: Buffer): Buffer[] {
    const answers: Buffer[] = []
    for (const line of this.#lines.push(chunk)) {
      this.#held.push(line, Buffer.from('\n'))
      this.#size += line.length + 1
      const verb = verbOf(line)
      if (verb === 'INQUIRE' || this.#size > LONGEST_ANSWER) throw new AssuanError('not an answer')
      if (verb !== 'OK' && verb !== 'ERR') continue
      answers.push(Buffer.concat(this.#held))
      this.#held = []
      this.#size = 0
    }
    return answers
  }
}

/** The word that a line begins with. */
export const verbOf = (line: Buffer): string => /^[A-Za-z_]*/.exec(line.toString('latin1'))?.[0] ?? ''

/** Errors of an agent, by gpg-error.h: its source in the upper bits. */
export const assuanFailure = {
  noAgent: Buffer.from('ERR 67108941 No agent running <Berth>\n'),
  cancelled: Buffer.from('ERR 67108963 Operation cancelled <Berth>\n'),
  forbidden: Buffer.from('ERR 67109115 Forbidden <Berth>\n'),
} as const
