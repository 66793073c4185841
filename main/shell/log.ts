import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A log file is put aside (one older is kept) when it has grown beyond this many bytes. */
const MAX_BYTES = 5_000_000

/** The shell's diary: JSON lines in a file. */
export interface Log {
  readonly path: string
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Lines as they come from elsewhere (the engine), written as they are. */
  raw(text: string): void
  /** Resolves once everything given so far is on disk. */
  flush(): Promise<void>
}

/** Writes behind its caller's back, in order; a disk that refuses is told to stderr once and forgotten. */
export function createLog(path: string): Log {
  let tail: Promise<void> = mkdir(dirname(path), { recursive: true })
    .then(() => stat(path))
    .then((file) => (file.size > MAX_BYTES ? rename(path, `${path}.old`) : undefined))
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') refuse(error)
    })
  let refused = false
  const refuse = (error: unknown) => {
    if (!refused) process.stderr.write(`Berth cannot write its log ${path}: ${String(error)}\n`)
    refused = true
  }
  const raw = (text: string) => {
    tail = tail.then(() => appendFile(path, text)).catch(refuse)
  }
  const log = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
    raw(`${JSON.stringify({ time: new Date().toISOString(), level, from: 'shell', message, ...fields })}\n`)
  return {
    path,
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    raw,
    flush: () => tail,
  }
}
