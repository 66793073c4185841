import { type Definition, type Problem, ProblemError } from '#contract'
import type { ActionReport } from './operations'

/** Shorter ones are found in any text, and hide nothing. */
const SHORTEST = 4
/** Characters of what a secret is called otherwise; shorter ones are found in any such text. */
const SHORTEST_FORM = 8
/** Of a secret that is a whole file as many lines are looked for, the longest ones, and none of more characters. */
const MOST_LINES = 200
const LONGEST = 64 * 1024
const HIDDEN = '[hidden]'

/** A secret as it is, its lines, which are printed one by one as well, and what tools make of both. */
function formsOf(secret: string): string[] {
  const lines = secret.split(/\r?\n/).sort((left, right) => right.length - left.length)
  const parts = [secret, secret.trim(), ...lines.slice(0, MOST_LINES)]
  const plain = [...new Set(parts)].filter((part) => part.trim().length >= SHORTEST && part.length <= LONGEST)
  const others = plain.flatMap((part) => [
    encodeURIComponent(Buffer.from(part).toString()),
    JSON.stringify(part).slice(1, -1),
    ...base64FormsOf(part),
  ])
  return [...plain, ...others.filter((form) => form.length >= SHORTEST_FORM)]
}

/** As it is within anything that is written in base64: what stands before moves it by no, one or two bytes. */
function base64FormsOf(text: string): string[] {
  return [0, 1, 2].flatMap((moved) => {
    const bytes = Buffer.concat([Buffer.alloc(moved), Buffer.from(text)])
    // Characters that only bytes of the secret have a part in.
    const sure = (form: string) => form.slice(Math.ceil((moved * 8) / 6), Math.floor((bytes.length * 8) / 6))
    return [sure(bytes.toString('base64')), sure(bytes.toString('base64url'))]
  })
}

/** Takes secrets out of text that comes in pieces, also where one begins in a piece and ends in another. */
export class Mask {
  readonly #secrets: readonly string[]
  #rest = ''

  constructor(secrets: readonly string[]) {
    this.#secrets = [...new Set(secrets.flatMap(formsOf))].sort((left, right) => right.length - left.length)
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

const soundsSecret =
  /token|secret|passw|passphrase|credential|private|apikey|(?:^|_)(?:key|pwd|pat|auth)(?:_|$)/i

/**
 * Values that a definition takes from this machine's variables whose names say that they are secret. Others, such as
 * `USER`, would be found in any text.
 */
export function localSecrets(
  definition: Definition,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const names = JSON.stringify(definition).matchAll(/\$\{(?:localEnv|env):([A-Za-z_]\w*)/g)
  return [
    ...new Set([...names].flatMap(([, name = '']) => (soundsSecret.test(name) ? (env[name] ?? []) : []))),
  ]
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
    if (error instanceof ProblemError) throw new ProblemError(mask.problem(error.problem))
    if (error instanceof Error && mask.whole(error.message) !== error.message) {
      const hidden = new Error(mask.whole(error.message))
      hidden.name = error.name
      throw hidden
    }
    throw error
  } finally {
    const rest = mask.flush()
    if (rest !== '') report.output(rest)
  }
}
