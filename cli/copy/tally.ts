import type { CopyReport } from '../../main/engine/files/report'
import type { Console } from '../console'
import { bytes, truncate } from '../text'

/** Milliseconds between redraws. */
const FRAME = 200

/** Counts what was copied, and shows it on a capable terminal while it goes. */
export class Tally implements CopyReport {
  files = 0
  bytes = 0
  readonly skipped: { readonly path: string; readonly reason: string }[] = []
  readonly #console: Console | undefined
  #drawnAt = 0
  #isWaiting = false
  #drawn = false

  /** Without a console it only counts. */
  constructor(console?: Console) {
    this.#console = console?.stderrIsCapable ? console : undefined
  }

  addFile(path: string): void {
    this.files += 1
    this.#draw(path)
  }

  addBytes(count: number): void {
    this.bytes += count
    this.#draw()
  }

  skip(path: string, reason: string): void {
    this.skipped.push({ path, reason })
  }

  mark(): () => void {
    const { files, bytes } = this
    const skipped = this.skipped.length
    return () => {
      this.files = files
      this.bytes = bytes
      this.skipped.length = skipped
    }
  }

  waiting(is: boolean): void {
    this.#isWaiting = is
    this.#drawnAt = 0
    this.#draw()
  }

  /** Takes the line away again. */
  clear(): void {
    if (this.#drawn) this.#console?.stderr.write('\r\u001b[K')
    this.#drawn = false
  }

  summary(): string {
    return `${this.files} ${this.files === 1 ? 'file' : 'files'}, ${bytes(this.bytes)}`
  }

  #draw(path = ''): void {
    if (!this.#console) return
    const now = Date.now()
    if (now - this.#drawnAt < FRAME) return
    this.#drawnAt = now
    this.#drawn = true
    const what = this.#isWaiting ? 'waiting for the connection' : path
    const line = truncate(`${this.summary()}  ${what}`, this.#console.size().columns - 1)
    this.#console.stderr.write(`\r\u001b[K${line}`)
  }
}
