import { Duplex } from 'node:stream'
import type { RunningProcess } from '../../../platform/processes'

/** The system's ssh, or the docker command at its far end, gave up. */
export class SshError extends Error {
  /** What ssh printed. */
  readonly stderr: string
  readonly reason: string

  constructor(reason: string, stderr: string) {
    super(stderr.trim() || reason)
    this.name = 'SshError'
    this.reason = reason
    this.stderr = stderr
  }
}

/** ssh prints little; what is over this many characters is banner noise. */
const KEPT_STDERR = 16_384

/**
 * A process's stdin and stdout as one socket, with half-close and backpressure both ways, in the shape that
 * `http.Agent` needs. It fails with an {@link SshError} when the process ends with an error.
 */
export class ProcessSocket extends Duplex {
  readonly #process: RunningProcess
  #stderr = ''
  #received = false

  constructor(process: RunningProcess) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 })
    this.#process = process
    const { stdin, stdout, stderr } = process
    stdout.on('data', (chunk: Buffer) => {
      this.#received = true
      if (!this.push(chunk)) stdout.pause()
    })
    // A process that failed tells why only after its output has ended: the end is passed on with the exit.
    let ended = false
    stdout.on('end', () => {
      ended = true
      if (this.#received) this.push(null)
    })
    stdout.on('error', (error) => this.destroy(error))
    stdin.on('error', () => undefined) // EPIPE: the exit tells more.
    stderr.on('error', () => undefined)
    stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < KEPT_STDERR) this.#stderr += chunk.toString('utf8')
    })
    void process.exit.then(({ code, signal, error }) => {
      if (this.destroyed) return
      if (error) {
        const missing = 'code' in error && error.code === 'ENOENT'
        this.destroy(new SshError(missing ? 'There is no ssh command on this machine.' : error.message, ''))
      } else if (code === 0 && ended) {
        this.push(null)
      } else {
        this.destroy(
          new SshError(`ssh ended with ${signal ? `signal ${signal}` : `code ${code}`}.`, this.#stderr),
        )
      }
    })
  }

  override _read(): void {
    this.#process.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#process.stdin.write(chunk, (error) => done(error && !this.#stderr ? error : null))
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#process.stdin.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#process.stdin.destroy()
    this.#process.kill('SIGTERM')
    done(error)
  }

  // What http.Agent asks of a socket beyond a Duplex; a process has none of it.
  setKeepAlive(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setTimeout(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}
