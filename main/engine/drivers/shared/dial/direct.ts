import { Duplex } from 'node:stream'
import { ProblemError } from '#contract'
import type { ExecProcess } from '../../driver'
import { type DirectMethod, type Exec, RELAY_NAME } from './methods'
import { connectionLost, portRefused } from './relay'
import script from './relay/direct.sh?raw'

/** A connection that has an exec of its own: for images without an interpreter that could run the relay. */
export async function dialDirect(
  exec: Exec,
  id: string,
  method: DirectMethod,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const process = await exec(id, { command: ['sh', '-c', script, RELAY_NAME, String(port), method] }, signal)
  try {
    const rest = await answer(process, port, signal)
    return new ExecConnection(process, rest)
  } catch (error) {
    process.destroy()
    throw error
  }
}

/** Waits for the first line; returns what came after it. */
function answer(process: ExecProcess, port: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0)
    let complaint = ''
    let settled = false
    const finish = (action: () => void) => {
      if (settled) return
      settled = true
      signal.removeEventListener('abort', onAbort)
      process.stdout.off('data', onData)
      process.stdout.pause()
      action()
    }
    const onAbort = () => finish(() => reject(signal.reason))
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const end = seen.indexOf(10)
      if (end < 0) return
      const line = seen.toString('latin1', 0, end)
      if (line === 'OK') finish(() => resolve(seen.subarray(end + 1)))
      else if (line === 'REFUSED') finish(() => reject(portRefused(port)))
      else finish(() => reject(connectionLost(line.slice(0, 200))))
    }
    process.stdout.on('error', () => undefined)
    process.stderr?.on('error', () => undefined)
    process.stdin.on('error', () => undefined)
    process.stderr?.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-500)
    })
    signal.addEventListener('abort', onAbort, { once: true })
    process.stdout.on('data', onData)
    void process.exit.then((exit) =>
      finish(() =>
        reject(exit.problem ? new ProblemError(exit.problem) : connectionLost(complaint.trim() || undefined)),
      ),
    )
  })
}

/**
 * What the process prints, up to its end, is what the app says; that the process is gone by then takes nothing away
 * from a slow reader. What is written after that goes nowhere, as nobody takes it any more.
 */
class ExecConnection extends Duplex {
  readonly #process: ExecProcess

  constructor(process: ExecProcess, first: Buffer) {
    super({ allowHalfOpen: true })
    this.#process = process
    this.on('error', () => undefined)
    if (first.length > 0) this.push(first)
    process.stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) process.stdout.pause()
    })
    process.stdout.on('end', () => this.push(null))
    process.stdout.on('close', () => {
      if (!process.stdout.readableEnded) this.destroy(connectionLost())
    })
    void process.exit.then((exit) => {
      if (exit.problem) this.destroy(new ProblemError(exit.problem))
    })
  }

  override _read(): void {
    this.#process.stdout.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    if (this.#process.stdin.writable) this.#process.stdin.write(chunk, () => callback())
    else callback()
  }

  override _final(callback: () => void): void {
    this.#process.stdin.end()
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#process.destroy()
    callback(error)
  }
}
