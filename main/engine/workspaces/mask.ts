import { type Problem, ProblemError } from '#contract'
import type { ActionReport } from './operations'

/** Shorter ones are found in any text, and hide nothing. */
const SHORTEST = 4
const HIDDEN = '[hidden]'

/** Takes secrets out of text that comes in pieces, also where one begins in a piece and ends in another. */
export class Mask {
  readonly #secrets: readonly string[]
  #rest = ''

  constructor(secrets: readonly string[]) {
    // A secret's own lines are printed one by one as well, and each is worth hiding.
    const parts = secrets.flatMap((secret) => [secret, secret.trim(), ...secret.split(/\r?\n/)])
    const long = parts.filter((part) => part.trim().length >= SHORTEST)
    this.#secrets = [...new Set(long)].sort((left, right) => right.length - left.length)
  }

  get isIdle(): boolean {
    return this.#secrets.length === 0
  }

  /** What may be shown by now; the beginning of what may become a secret is kept back. */
  feed(text: string): string {
    if (this.isIdle) return text
    const whole = this.#rest + text
    const kept = this.#unfinished(whole)
    this.#rest = whole.slice(whole.length - kept)
    return this.whole(whole.slice(0, whole.length - kept))
  }

  /** What was kept back. */
  flush(): string {
    const rest = this.#rest
    this.#rest = ''
    return this.whole(rest)
  }

  /** Of a text that is complete. */
  whole(text: string): string {
    return this.#secrets.reduce((masked, secret) => masked.replaceAll(secret, HIDDEN), text)
  }

  problem(found: Problem): Problem {
    const { title, cause, remedy, detail } = found
    return {
      ...found,
      title: this.whole(title),
      cause: this.whole(cause),
      remedy: this.whole(remedy),
      ...(detail === undefined ? {} : { detail: this.whole(detail) }),
    }
  }

  /** How many characters at the end could be the beginning of a secret, or lie in one that is not over. */
  #unfinished(text: string): number {
    let kept = 0
    for (const secret of this.#secrets) {
      const most = Math.min(secret.length - 1, text.length)
      for (let length = most; length > kept; length--) {
        if (text.endsWith(secret.slice(0, length))) kept = length
      }
    }
    // A whole secret that the cut would go through stays whole: it is looked at again with what follows.
    for (const secret of this.#secrets) {
      const at = text.lastIndexOf(secret)
      if (at >= 0 && at < text.length - kept && at + secret.length > text.length - kept)
        kept = text.length - at
    }
    return kept
  }
}

/** A report in which secrets are hidden; `run` gets it, and what it throws has none either. */
export async function withMask<T>(
  secrets: readonly string[],
  report: ActionReport,
  run: (report: ActionReport) => Promise<T>,
): Promise<T> {
  const mask = new Mask(secrets)
  if (mask.isIdle) return run(report)
  const masked: ActionReport = {
    detail: (text) => report.detail(mask.whole(text)),
    result: (text) => report.result(mask.whole(text)),
    progress: (progress) => report.progress(progress),
    output: (text) => {
      const shown = mask.feed(text)
      if (shown !== '') report.output(shown)
    },
  }
  try {
    return await run(masked)
  } catch (error) {
    throw error instanceof ProblemError ? new ProblemError(mask.problem(error.problem)) : error
  } finally {
    const rest = mask.flush()
    if (rest !== '') report.output(rest)
  }
}
