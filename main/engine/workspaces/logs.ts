import { HIGH_WATER, LOW_WATER, type StreamDown, type StreamOpen, streams, toProblem } from '#contract'
import type { Driver } from '../drivers/driver'
import type { Logger } from '../platform/logger'
import type { MessageEndpoint } from '../platform/message-port'

/** The largest message, bytes: a reader that stops holds up no more than a few of these. */
const piece = 64 * 1024

/**
 * Sends what PID 1 printed over `port` until it ends or the client closes. The client's acknowledgements keep what
 * is under way below the high water mark (see streams.ts); messages that are none close the stream.
 */
export function serveLogs(
  input: StreamOpen<'logs'>,
  driver: Driver | undefined,
  port: MessageEndpoint,
  logger: Logger,
): void {
  const controller = new AbortController()
  const { signal } = controller
  let outstanding = 0
  /** Channels that wait for an acknowledgement. */
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const resume of waiting) resume()
    waiting.clear()
  }
  let ended = false
  const send = (message: StreamDown<'logs'>) => {
    if (!signal.aborted) port.post(message)
  }
  const end = (message?: string) => {
    if (ended) return
    ended = true
    send({ type: 'end', ...(message === undefined ? {} : { message }) })
  }
  port.onClose(() => {
    controller.abort()
    wake()
  })
  port.onMessage((message) => {
    const parsed = streams.logs.up.safeParse(message)
    if (!parsed.success) {
      logger.warn('A logs stream got a message that is none')
      controller.abort()
      port.close()
    } else {
      outstanding = Math.max(0, outstanding - parsed.data.bytes)
      if (outstanding <= LOW_WATER) wake()
    }
  })
  if (!driver) {
    end('There is no such workspace.')
    return
  }

  const room = async () => {
    if (outstanding < HIGH_WATER) return
    while (outstanding > LOW_WATER && !signal.aborted) {
      await new Promise<void>((resolve) => waiting.add(resolve))
    }
  }
  const pump = async (channel: 'stdout' | 'stderr', stream: AsyncIterable<Uint8Array>) => {
    for await (const chunk of stream) {
      for (let at = 0; at < chunk.length; at += piece) {
        await room()
        if (signal.aborted) return
        const data = chunk.slice(at, at + piece)
        outstanding += data.length
        send({ type: 'data', channel, data })
      }
    }
  }
  const run = async () => {
    const log = await driver.logs(
      input.workspaceId,
      {
        follow: input.follow,
        ...(input.tail === undefined ? {} : { tail: input.tail }),
        ...(input.service === undefined ? {} : { service: input.service }),
      },
      signal,
    )
    const stop = () => log.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await Promise.all([pump('stdout', log.stdout), pump('stderr', log.stderr)])
      const { problem } = await log.end
      end(problem && `${problem.title}: ${problem.cause}`)
    } finally {
      signal.removeEventListener('abort', stop)
      log.destroy()
    }
  }
  run().catch((error: unknown) => {
    const problem = toProblem(error, 'The logs could not be read')
    end(`${problem.title}: ${problem.cause}`)
  })
}
