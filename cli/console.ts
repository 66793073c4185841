import { isatty, WriteStream } from 'node:tty'
import { DescriptorStream } from './descriptor-stream'

/** The three standard streams and what is known of them. */
export interface Console {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: DescriptorStream
  readonly stderr: DescriptorStream
  readonly stdinIsTerminal: boolean
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  /** Whether progress may use colour and move the cursor on stderr. */
  readonly stderrIsCapable: boolean
  /** Whether listings may use colour. */
  readonly stdoutColor: boolean
  /** Size of the terminal that stdout or stderr is; 80 × 24 where none is. */
  size(): { readonly columns: number; readonly rows: number }
  onResize(listener: () => void): () => void
}

/** The process's own console. `NO_COLOR` and `TERM=dumb` are obeyed (no-color.org). */
export function openConsole(env: Readonly<Record<string, string | undefined>>): Console {
  const stdoutIsTerminal = isatty(1)
  const stderrIsTerminal = isatty(2)
  const plain = Boolean(env.NO_COLOR) || env.TERM === 'dumb'
  let terminal: WriteStream | undefined
  // Opened late: only what asks for the size needs it, and it keeps descriptors 1 and 2 as they are until then.
  const open = () => {
    if (!terminal && (stdoutIsTerminal || stderrIsTerminal))
      terminal = new WriteStream(stdoutIsTerminal ? 1 : 2)
    return terminal
  }
  return {
    get stdin() {
      return process.stdin
    },
    stdout: new DescriptorStream(1),
    stderr: new DescriptorStream(2),
    stdinIsTerminal: isatty(0),
    stdoutIsTerminal,
    stderrIsTerminal,
    stderrIsCapable: stderrIsTerminal && !plain,
    stdoutColor: stdoutIsTerminal && !plain,
    size() {
      const [columns = 80, rows = 24] = open()?.getWindowSize() ?? []
      return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 }
    },
    onResize(listener) {
      const stream = open()
      stream?.on('resize', listener)
      process.on('SIGWINCH', listener)
      return () => {
        stream?.off('resize', listener)
        process.off('SIGWINCH', listener)
      }
    },
  }
}
