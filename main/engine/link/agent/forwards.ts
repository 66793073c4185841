import type { Clock } from '../../platform/clock'
import type { Logger } from '../../platform/logger'
import { SshConnection } from '../ssh/connection'
import type { AgentKeeper } from './keeper'

/** Milliseconds between looks at a connection: whether it lives, and whether anybody uses it. */
const LOOK_EVERY = 15_000
/** How long it may take to say that it lives, in milliseconds. */
const ANSWER_LIMIT = 10_000
/** Milliseconds after a failure before another one is made. */
const RETRY = 5_000

export interface AgentForwardsDependencies {
  readonly agent: AgentKeeper
  readonly clock: Clock
  readonly logger: Logger
  readonly ended: AbortSignal
}

/**
 * A connection to the agent for nothing but connections to ports: nothing passes what came before it in one stream, and
 * what an app sends is not to stand before what is typed. Made when it is first wanted, ended when nobody uses it.
 */
export class AgentForwards {
  readonly #dependencies: AgentForwardsDependencies
  #connection: SshConnection | undefined
  #run: string | undefined
  #isOpening = false
  #notBefore = Number.NEGATIVE_INFINITY
  #lastUse = Number.NEGATIVE_INFINITY

  constructor(dependencies: AgentForwardsDependencies) {
    this.#dependencies = dependencies
  }

  /** What there is in this run of the workspace. Where there is none, one is made for those who come later. */
  take(run: string): SshConnection | undefined {
    const { agent, clock } = this.#dependencies
    this.#lastUse = clock.now()
    // The way that the other one has lost is probably this one's too.
    if (!agent.connection) return undefined
    if (this.#run !== run) this.#connection = undefined
    if (!this.#connection && !this.#isOpening && clock.now() >= this.#notBefore) void this.#open(run)
    return this.#connection
  }

  /** It keeps others waiting: what goes over it goes on, and nothing new does. */
  giveUp(connection: SshConnection): void {
    if (this.#connection === connection) this.#connection = undefined
  }

  async #open(run: string): Promise<void> {
    const { agent, clock, ended, logger } = this.#dependencies
    this.#isOpening = true
    try {
      const connection = await agent.openOwn((carrier) => new SshConnection(carrier, clock.now), ended)
      this.#connection = connection
      this.#run = run
      void this.#attend(connection)
    } catch (error) {
      this.#notBefore = clock.now() + RETRY
      logger.debug('dial: no connection to the agent for ports', { cause: String(error) })
    } finally {
      this.#isOpening = false
    }
  }

  /** Until it is over, dead, or of no more use. */
  async #attend(connection: SshConnection): Promise<void> {
    const { clock, ended } = this.#dependencies
    const over = new AbortController()
    const end = AbortSignal.any([ended, over.signal])
    void connection.ended.then(() => over.abort())
    for (;;) {
      await clock.sleep(LOOK_EVERY, end).catch(() => undefined)
      if (end.aborted) break
      const isWanted = this.#connection === connection && clock.now() - this.#lastUse < LOOK_EVERY
      if (connection.channels === 0 && !isWanted) break
      if (clock.now() - connection.lastReceived >= LOOK_EVERY && !(await this.#answers(connection, end)))
        break
    }
    this.giveUp(connection)
    connection.close()
  }

  #answers(connection: SshConnection, end: AbortSignal): Promise<boolean> {
    return Promise.race([
      connection.ping().then(
        () => true,
        () => false,
      ),
      this.#dependencies.clock.sleep(ANSWER_LIMIT, end).then(
        () => false,
        () => false,
      ),
    ])
  }
}
