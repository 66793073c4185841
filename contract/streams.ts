import { z } from 'zod'
import { SessionEnd, TerminalSize } from './session'
import { WorkspaceId } from './workspace'

/**
 * Bytes flow past the state: each open stream has a MessagePort of its own. The client makes the channel and sends
 * one end along with `{type: 'open'}` (see wire.ts).
 *
 * Flow control, the same for all streams, in bytes: the engine counts what it sent and what the client said it has
 * consumed (`ack`, for a terminal after parsing), pauses the source above `HIGH_WATER` outstanding and resumes
 * below `LOW_WATER`. Clients acknowledge at least every `ACK_EVERY` bytes; it must not exceed `LOW_WATER`, or a
 * paused stream would never resume. What is outstanding is a few frames' work for a terminal: less leaves it idle
 * between two round trips, more (xterm.js names 500 KB) is felt as a delay of what is typed.
 */
export const HIGH_WATER = 400_000
export const LOW_WATER = 100_000
export const ACK_EVERY = 65_536

const Bytes = z.instanceof(Uint8Array)

export const streams = {
  /** A window on a session. Several may be open at once; the session's size is that of the latest to resize. */
  terminal: {
    open: z.strictObject({
      sessionId: z.string(),
      columns: TerminalSize,
      rows: TerminalSize,
    }),
    /** Client to engine. */
    up: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('input'), data: Bytes }),
      z.strictObject({
        type: z.literal('resize'),
        columns: TerminalSize,
        rows: TerminalSize,
      }),
      z.strictObject({ type: z.literal('ack'), bytes: z.number().int().min(0) }),
    ]),
    /**
     * Engine to client. `replay` comes first: the screen and scrollback as escape sequences for a fresh terminal of that
     * size; with `since`, what it has printed after that, maybe in another. One that comes later takes the place of all
     * before it.
     */
    down: z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('replay'),
        data: Bytes,
        columns: z.number(),
        rows: z.number(),
        since: z.strictObject({ data: Bytes, columns: z.number(), rows: z.number() }).optional(),
      }),
      z.strictObject({ type: z.literal('data'), data: Bytes }),
      z.strictObject({ type: z.literal('end'), end: SessionEnd }),
    ]),
  },
  /** What the workspace's PID 1 printed. */
  logs: {
    open: z.strictObject({
      workspaceId: WorkspaceId,
      follow: z.boolean(),
      /** Of this service; absent: of the workspace itself. */
      service: z.string().optional(),
      tail: z.number().int().min(0).optional(),
    }),
    up: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('ack'), bytes: z.number().int().min(0) }),
    ]),
    down: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('data'), channel: z.enum(['stdout', 'stderr']), data: Bytes }),
      z.strictObject({ type: z.literal('end'), message: z.string().optional() }),
    ]),
  },
} as const

export type Streams = typeof streams
export type StreamName = keyof Streams
export type StreamOpen<N extends StreamName> = z.output<Streams[N]['open']>
export type StreamUp<N extends StreamName> = z.output<Streams[N]['up']>
export type StreamDown<N extends StreamName> = z.output<Streams[N]['down']>
