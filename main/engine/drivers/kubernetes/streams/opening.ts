import type { Clock } from '../../../platform/clock'
import type { FirstWords } from '../../driver'
import { isRefusal } from './forward-failure'
import type { ListeningLook, Listens } from './listening'
import { type ClosedPortQuestion, OpenCheck } from './open-check'
import type { PortConnection, PortVerdict } from './port-connection'

/** How long the node may take to tell of a connection for which nothing listens, in milliseconds, before it is said. */
const NODE_PATIENCE = 5_000
/**
 * How long the pod may take to say what listens before the node is asked as well, in milliseconds. A process that is
 * there says it much sooner; a node that has just started a pod may take half a second to start one.
 */
const POD_PATIENCE = 50
/** How long a client that speaks first may take for it, in milliseconds. */
const SPEAKS_WITHIN = 20
/** How long an answer to what the client has said already may take before it is found out who listens, milliseconds. */
const ANSWER_PATIENCE = 300

/** A connection that the node has accepted, and how to ask the same of a closed port. */
export interface Attempt {
  readonly begunAt: number
  readonly connection: PortConnection
  /** What the client had said already was sent along: it may be heard, and must not be said again. */
  readonly hasSpoken: boolean
  ask(port: number): Promise<ClosedPortQuestion>
}

/** What became of an attempt. `elsewhere`: only another way leads to what listens. */
export type Outcome = PortVerdict | { readonly open: 'elsewhere' }

/**
 * Tells whether connections to one pod are open. A node says of a connection that it failed, and never that it
 * succeeded, so that the pod itself is asked what listens in it: then it is known before the first byte comes.
 */
export class Opening {
  readonly #clock: Clock
  readonly #look: ListeningLook | undefined
  readonly #check: OpenCheck
  readonly #disposed: AbortSignal
  /** Open connections over which bytes came, by port: as long as there is one, the port listens. */
  readonly #alive = new Map<number, Set<PortConnection>>()

  constructor(clock: Clock, look: ListeningLook | undefined, disposed: AbortSignal) {
    this.#clock = clock
    this.#look = look
    this.#check = new OpenCheck(clock)
    this.#disposed = disposed
  }

  /** Whether no connection is known to be alive. */
  get idle(): boolean {
    return this.#alive.size === 0
  }

  /** What listens before a connection is there; undefined where it is known, or nobody can tell. Never rejects. */
  early(
    port: number,
    words: FirstWords | undefined,
    signal: AbortSignal,
  ): Promise<Listens | undefined> | undefined {
    if (this.#isKnown(port)) return undefined
    return words ? this.#lookUnlessSpoken(port, words, signal) : this.#look?.look(port)
  }

  /** What was said is answered sooner than a process in the pod is there, which would be in the way of that. */
  async #lookUnlessSpoken(
    port: number,
    words: FirstWords,
    signal: AbortSignal,
  ): Promise<Listens | undefined> {
    await this.#clock.sleep(SPEAKS_WITHIN, signal).catch(() => undefined)
    return signal.aborted || words.said().length > 0 ? undefined : this.#look?.look(port)
  }

  /** Somebody else has found the port open just now: whoever waits to know need not any longer. */
  listens(port: number): void {
    this.#check.seenOpen(port)
  }

  #isKnown(port: number): boolean {
    return this.#check.isFresh(port) || (this.#alive.get(port)?.size ?? 0) > 0
  }

  /** Rejects with the signal's reason. */
  async outcome(
    port: number,
    attempt: Attempt,
    signal: AbortSignal,
    early?: Promise<Listens | undefined>,
  ): Promise<Outcome> {
    const { begunAt, connection, hasSpoken } = attempt
    // It may have been given up while it was being made.
    signal.throwIfAborted()
    const done = new AbortController()
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal })
    })
    const listens = this.#isKnown(port)
      ? undefined
      : hasSpoken
        ? this.#lookLater(port, done.signal)
        : this.#listens(port, early)
    try {
      const found = listens
        ? Promise.race([
            listens.then((found) => this.#judge(port, found, attempt, done.signal)),
            this.#check.whenSeenOpen(port, done.signal).then(() => ({ open: true }) as const),
            this.#unlessTold(port, listens, attempt, done.signal),
          ])
        : Promise.resolve({ open: true } as const)
      // In this order: what is known already is not overruled by what is assumed.
      const outcome = await Promise.race([connection.decided, found, aborted])
      if (outcome.open !== false || !isRefusal(outcome.complaint)) return outcome
      this.#check.seenClosed(port)
      this.#check.refused(begunAt)
      // Some nodes know 127.0.0.1 alone.
      const asked = hasSpoken ? undefined : listens
      const who = await Promise.race([asked ?? this.#look?.look(port), aborted])
      return who === 'version6' ? { open: 'elsewhere' } : outcome
    } finally {
      done.abort('over')
    }
  }

  /** Of an early look only what was found counts: who did not listen then may do so now. */
  async #listens(port: number, early?: Promise<Listens | undefined>): Promise<Listens | undefined> {
    const before = await early
    return before === 'version4' ? before : this.#look?.look(port)
  }

  async #lookLater(port: number, over: AbortSignal): Promise<Listens | undefined> {
    await this.#clock.sleep(ANSWER_PATIENCE, over).catch(() => undefined)
    return over.aborted ? undefined : this.#look?.look(port)
  }

  /** What the node lets assume where the pod is slow to tell; never settles where it told. */
  #unlessTold(
    port: number,
    listens: Promise<Listens | undefined>,
    attempt: Attempt,
    over: AbortSignal,
  ): Promise<PortVerdict> {
    return new Promise((resolve) => {
      let told = false
      void listens.then(() => {
        told = true
      })
      const ask = async () => {
        await this.#clock.sleep(POD_PATIENCE + (attempt.hasSpoken ? ANSWER_PATIENCE : 0), over)
        if (told) return
        await this.#check.passed(attempt.ask, this.#disposed)
        if (told || over.aborted) return
        this.#check.seenOpen(port)
        resolve({ open: true })
      }
      // Given up once the outcome is known.
      ask().catch(() => undefined)
    })
  }

  async #judge(
    port: number,
    listens: Listens | undefined,
    attempt: Attempt,
    over: AbortSignal,
  ): Promise<Outcome> {
    // Known by other means: nobody waits for this any more.
    if (over.aborted) return { open: true }
    if (listens === undefined || listens === 'unclear') return this.#assume(port, attempt)
    if (listens === 'version4') {
      this.#check.seenOpen(port)
      return { open: true }
    }
    // Nobody else is to hear what may be heard already.
    if (listens === 'version6' && !attempt.hasSpoken) return { open: 'elsewhere' }
    // The node may have found the last client that a listener took before it was closed.
    await this.#clock.sleep(NODE_PATIENCE, over)
    return attempt.hasSpoken
      ? { open: true }
      : { open: false, complaint: 'connection refused: nothing listens' }
  }

  /** The same without asking the pod what listens, as far as the node tells. */
  async assumed(port: number, attempt: Attempt, signal: AbortSignal): Promise<PortVerdict> {
    signal.throwIfAborted()
    const done = new AbortController()
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { signal: done.signal })
    })
    try {
      return await Promise.race([attempt.connection.decided, this.#assume(port, attempt), aborted])
    } finally {
      done.abort('over')
    }
  }

  async #assume(port: number, { ask }: Attempt): Promise<PortVerdict> {
    await this.#check.passed(ask, this.#disposed)
    this.#check.seenOpen(port)
    return { open: true }
  }

  /**
   * A connection is open: others to the same port are, too, as long as it is alive. That it was taken for open because
   * another one had just been is no sign of its own: it would go on for ever after the end of what listened.
   */
  opened(port: number, connection: PortConnection): void {
    void connection.decided.then((verdict) => {
      if (!verdict.open) {
        if (isRefusal(verdict.complaint)) this.#check.seenClosed(port)
        return
      }
      this.#check.seenOpen(port)
      if (connection.destroyed) return
      const alive = this.#alive.get(port) ?? new Set()
      this.#alive.set(port, alive.add(connection))
      const gone = () => {
        alive.delete(connection)
        if (alive.size === 0) this.#alive.delete(port)
      }
      connection.once('end', gone)
      connection.once('close', gone)
    })
  }
}
