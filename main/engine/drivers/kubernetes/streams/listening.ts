import type { Logger } from '../../../platform/logger'
import type { ExecProcess } from '../../driver'

/** How long a look may take, in milliseconds, the start of its process included; then it has found out nothing. */
const PATIENCE = 20_000
/** Longest answer, in bytes: a pod with more connections than that is as good as one that does not answer. */
const LONGEST = 16 * 1024 * 1024
/** Ends an answer. */
const END = '\n.\n'

/**
 * Prints the tables of connections each time that a line comes. It needs `sh` and `cat`. A pod's containers share one
 * network, so that any of them tells what listens in it. Where `grep` is, connections in TIME_WAIT (06) are left out: a
 * busy app leaves thousands of them, which say nothing and take longer to come than all the rest.
 */
export const LOOK_COMMAND: readonly string[] = [
  'sh',
  '-c',
  `if command -v grep >/dev/null 2>&1; then rows() { grep -hv " 06 " "$@"; }; else rows() { cat "$@"; }; fi
while read -r line; do rows /proc/net/tcp /proc/net/tcp6 2>/dev/null; printf "\\n.\\n"; done`,
  'berth-ports',
]

/**
 * Who takes a connection to `localhost:port`: `version4` on 127.0.0.1 (or on all addresses), `version6` on ::1 alone,
 * `nobody`, or it cannot be told: what is connected to the port has outlived its listener, or had one of its own.
 */
export type Listens = 'version4' | 'version6' | 'nobody' | 'unclear'

const LISTEN = '0A'
/** ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT (include/net/tcp_states.h). */
const CONNECTED = ['01', '04', '05', '08']
/** Addresses as the kernel writes them, each 32-bit word in the machine's byte order, of which there are two. */
const LOOPBACK4 = /^(?:0{16}(?:FFFF0000|0000FFFF))?(?:0100007F|7F000001)$/
const LOOPBACK6 = /^0{24}(?:01000000|00000001)$/
const ALL = /^(?:0{8}|0{32}|0{16}(?:FFFF0000|0000FFFF)0{8})$/

/**
 * Reads /proc/net/tcp and /proc/net/tcp6 (Documentation/networking/proc_net_tcp in the Linux sources). `[::]` counts as
 * all addresses, although an app may keep it to version 6: then there is a refusal, which the node tells.
 */
export function whoListens(table: string, port: number): Listens {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  let found: Listens = 'nobody'
  for (const line of table.split('\n')) {
    const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/, 4)
    const [address = '', number] = local.split(':')
    if (state === LISTEN) {
      if (number !== hex) continue
      if (LOOPBACK4.test(address) || ALL.test(address)) return 'version4'
      if (LOOPBACK6.test(address)) found = 'version6'
    } else if (found === 'nobody' && CONNECTED.includes(state)) {
      const ends = [local, remote].map((end) => end.split(':'))
      if (ends.some(([where = '', of]) => of === hex && (LOOPBACK4.test(where) || LOOPBACK6.test(where))))
        found = 'unclear'
    }
  }
  return found
}

/** Gathers what comes in pieces, and looks at each of them once: there may be thousands. */
class Answer {
  #pieces: Buffer[] = []
  #length = 0
  #end = ''

  get length(): number {
    return this.#length
  }

  get text(): string {
    return Buffer.concat(this.#pieces).toString('latin1')
  }

  /** Whether it is whole. */
  add(piece: Buffer): boolean {
    this.#pieces.push(piece)
    this.#length += piece.length
    this.#end = (this.#end + piece.toString('latin1', Math.max(0, piece.length - END.length))).slice(
      -END.length,
    )
    return this.#end === END
  }

  clear(): void {
    this.#pieces = []
    this.#length = 0
    this.#end = ''
  }
}

/**
 * Asks a pod which of its ports are listened on. One process in it answers for as long as it is asked; who comes while
 * it answers is told by its next answer.
 */
export class ListeningLook {
  readonly #start: (signal: AbortSignal) => Promise<ExecProcess>
  readonly #logger: Logger
  readonly #disposed = new AbortController()
  #process: ExecProcess | undefined
  readonly #answer = new Answer()
  #answered: (table: string | undefined) => void = () => undefined
  #running: Promise<string | undefined> | undefined
  #next: Promise<string | undefined> | undefined
  /** The pod has no program that could tell. */
  #unable = false
  #asked = false

  /** `start` runs {@link LOOK_COMMAND} in the pod. */
  constructor(start: (signal: AbortSignal) => Promise<ExecProcess>, logger: Logger) {
    this.#start = start
    this.#logger = logger
  }

  /** What listened at some moment after the call. Undefined where it cannot be found out. Never rejects. */
  async look(port: number): Promise<Listens | undefined> {
    const table = await this.#table()
    return table === undefined ? undefined : whoListens(table, port)
  }

  #table(): Promise<string | undefined> {
    this.#asked = true
    if (this.#unable || this.#disposed.signal.aborted) return Promise.resolve(undefined)
    if (!this.#running) {
      const running = this.#ask().finally(() => {
        if (this.#running === running) this.#running = undefined
      })
      this.#running = running
      return running
    }
    // The answer that is under way may have been printed before this call.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return this.#table()
    })
    return this.#next
  }

  async #ask(): Promise<string | undefined> {
    const limit = AbortSignal.any([this.#disposed.signal, AbortSignal.timeout(PATIENCE)])
    try {
      // One from before may have ended with its container, without anybody knowing.
      const before = this.#process
      const answer = before && (await this.#askProcess(before, limit))
      if (answer !== undefined || this.#unable) return answer
      return await this.#askProcess(await this.#begin(limit), limit)
    } catch (error) {
      if (!limit.aborted) this.#logger.debug('dial: who listens cannot be asked', { error: String(error) })
      return undefined
    }
  }

  async #begin(limit: AbortSignal): Promise<ExecProcess> {
    const process = await this.#start(limit)
    this.#process = process
    this.#answer.clear()
    process.stdin.on('error', () => undefined)
    process.stderr?.on('error', () => undefined).resume()
    process.stdout.on('error', () => undefined)
    process.stdout.on('data', (chunk: Buffer) => {
      if (this.#answer.add(chunk)) this.#answered(this.#answer.text)
      else if (this.#answer.length > LONGEST) process.destroy()
    })
    void process.exit.then(({ code }) => {
      if (this.#process !== process) return
      this.#process = undefined
      // Not found, or not executable.
      if (code === 126 || code === 127) this.#unable = true
      this.#answered(undefined)
    })
    return process
  }

  /** Undefined where the process ended, or cannot read the tables. */
  async #askProcess(process: ExecProcess, limit: AbortSignal): Promise<string | undefined> {
    const answer = await new Promise<string | undefined>((resolve) => {
      const onAbort = () => resolve(undefined)
      limit.addEventListener('abort', onAbort, { once: true })
      this.#answered = (table) => {
        limit.removeEventListener('abort', onAbort)
        resolve(table)
      }
      this.#answer.clear()
      if (this.#process !== process || limit.aborted) return this.#answered(undefined)
      process.stdin.write('\n')
    })
    this.#answered = () => undefined
    if (answer === undefined) {
      // It may answer yet, for a question that nobody asks any more.
      if (this.#process === process) this.#end()
      return undefined
    }
    if (/local_address/.test(answer)) return answer
    this.#unable = true
    this.#end()
    return undefined
  }

  #end(): void {
    const process = this.#process
    this.#process = undefined
    process?.destroy()
  }

  /** Ends the process where it was not asked since the last call; the next look starts another one. */
  rest(): void {
    if (!this.#asked && !this.#running) this.#end()
    this.#asked = false
  }

  dispose(): void {
    this.#disposed.abort()
    this.#end()
  }
}
