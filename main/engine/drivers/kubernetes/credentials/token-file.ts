import { readFile } from 'node:fs/promises'
import { ProblemError, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import { type Authenticator, bearer, type Credential, type Refusal } from './authenticator'
import { tokenRefusal } from './fixed'
import { SharedTask } from './shared-task'

/** Milliseconds after which the file is read again: tokens of service accounts are rotated in place. */
const REREAD = 60_000
/** A token is a header; servers take some kilobytes. */
const MAX_LENGTH = 64 * 1024

/**
 * A token in a file that somebody keeps fresh: read again each minute and after a refusal. What was read before is used
 * while the file cannot be read, as client-go does, and the token beside it in the kubeconfig until it was.
 */
export class TokenFile implements Authenticator {
  readonly #path: string
  readonly #title: string
  readonly #clock: Clock
  readonly #reading = new SharedTask(() => this.#read())
  #credential: Credential | undefined
  #readAt = Number.NEGATIVE_INFINITY

  constructor(path: string, fallback: string | undefined, title: string, clock: Clock) {
    this.#path = path
    this.#title = title
    this.#clock = clock
    if (fallback !== undefined) this.#credential = { authorization: bearer(fallback) }
  }

  async current(signal?: AbortSignal): Promise<Credential> {
    if (this.#credential && this.#clock.now() - this.#readAt < REREAD) return this.#credential
    return this.#reading.ask(signal)
  }

  reject(credential?: Credential): void {
    if (!credential || credential === this.#credential) this.#readAt = Number.NEGATIVE_INFINITY
  }

  refusal(): Refusal {
    const token = this.#credential?.authorization?.replace(/^Bearer /, '')
    return tokenRefusal(`The token in ${this.#path}`, token, this.#clock.now())
  }

  dispose(): void {
    this.#reading.dispose()
  }

  async #read(): Promise<Credential> {
    try {
      const token = (await readFile(this.#path, 'utf8')).trim()
      if (token === '') throw this.#failure('It is empty.')
      if (token.length > MAX_LENGTH || /\s/.test(token)) throw this.#failure('What it holds is not a token.')
      const authorization = bearer(token)
      // The same object for the same token, so that a refusal of it is known as one.
      if (this.#credential?.authorization !== authorization) this.#credential = { authorization }
      this.#readAt = this.#clock.now()
      return this.#credential
    } catch (error) {
      if (this.#credential) return this.#credential
      throw error instanceof ProblemError
        ? error
        : this.#failure(`It cannot be read (${(error as NodeJS.ErrnoException).code}).`)
    }
  }

  #failure(cause: string) {
    return problem({
      code: 'credentials-failed',
      title: this.#title,
      cause: `The token file of its user cannot be used. ${cause}`,
      remedy: `Check ${this.#path}, or name another file in the kubeconfig.`,
    })
  }
}
