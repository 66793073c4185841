import { useEffect, useState } from 'react'
import type { ACK_EVERY, StreamDown } from '#contract'
import { openStream, useConnection } from '../../lib/engine'
import { type LogBlock, LogBuffer } from '../../ui/log-buffer'

/** Lines kept in the window; the engine still has the rest. */
export const KEPT_LINES = 10_000
/** Acknowledged at least this often; the type keeps it equal to the contract's, whose module would bring its schemas. */
const ACK_BYTES: typeof ACK_EVERY = 65_536

/** A flood replaces every line many times between two frames; drawing each would leave no time for anything else. Milliseconds. */
const DRAW_INTERVAL = 80

/** When more lines than this went between two draws, nobody reads along: then only the last blocks are drawn. */
const FLOOD_LINES = 1000
const FLOOD_BLOCKS = 3

export interface Logs {
  readonly blocks: readonly LogBlock[]
  /** Lines that came before the first one kept. */
  readonly dropped: number
  /** `open`: following. `ended`: the engine said that no more comes. `lost`: the connection broke. */
  readonly state: 'open' | 'ended' | 'lost'
  /** Why it ended, where the engine said so. */
  readonly message: string | undefined
}

const nothing: Logs = { blocks: [], dropped: 0, state: 'open', message: undefined }

/**
 * Follows what a workspace's PID 1, or that of a service, prints. Bytes are acknowledged once they are cut into lines, of which a limited
 * number is kept, and drawn a few times per second: a flood waits in the engine and not here.
 */
export function useLogs(
  workspaceId: string,
  incarnation: string | undefined,
  turn: number,
  service?: string,
): Logs {
  const [logs, setLogs] = useState<Logs>(nothing)
  const epoch = useConnection((state) => state.epoch)
  // biome-ignore lint/correctness/useExhaustiveDependencies: opened anew with each run of the workspace and each connection
  useEffect(() => {
    const buffer = new LogBuffer(KEPT_LINES)
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
    let unacknowledged = 0
    let droppedBefore = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    let ending: Pick<Logs, 'state' | 'message'> = { state: 'open', message: undefined }
    setLogs(nothing)
    const stream = openStream('logs', {
      workspaceId,
      follow: true,
      tail: KEPT_LINES,
      ...(service === undefined ? {} : { service }),
    })
    const show = () => {
      timer ??= setTimeout(() => {
        timer = undefined
        const flooded = buffer.dropped - droppedBefore > FLOOD_LINES
        droppedBefore = buffer.dropped
        const blocks = flooded ? buffer.blocks.slice(-FLOOD_BLOCKS) : buffer.blocks
        setLogs({ blocks, dropped: buffer.dropped, ...ending })
        // Once it calms, everything that is kept is shown again.
        if (flooded) show()
      }, DRAW_INTERVAL)
    }
    stream.onMessage((message: StreamDown<'logs'>) => {
      if (message.type === 'end') {
        ending = { state: 'ended', message: message.message }
      } else {
        buffer.append(decoders[message.channel].decode(message.data, { stream: true }))
        unacknowledged += message.data.byteLength
        if (unacknowledged >= ACK_BYTES) {
          stream.post({ type: 'ack', bytes: unacknowledged })
          unacknowledged = 0
        }
      }
      show()
    })
    stream.onClose(() => {
      if (ending.state === 'open') ending = { state: 'lost', message: undefined }
      show()
    })
    return () => {
      clearTimeout(timer)
      stream.close()
    }
  }, [workspaceId, incarnation, turn, service, epoch])
  return logs
}
