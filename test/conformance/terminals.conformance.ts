import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver, ExecProcess } from '../../main/engine/drivers/driver'
import { collect, type DriverHarness, makeWorkspace, never, Recorder, run, sh, untilSo } from './harness'

/** Bytes of a program that prints what no terminal and no text is meant for. */
const NOISE = 20_000_000

/** Terminals in numbers, and programs that print whatever they like. */
export function terminalsConformance(harness: DriverHarness): void {
  describe('terminals', () => {
    let driver: Driver
    let id: string

    beforeAll(async () => {
      driver = harness.open()
      id = (await makeWorkspace(driver, harness.images.full)).id
      await run(driver, id, sh(`head -c ${NOISE} /dev/urandom > /tmp/noise`))
    })
    afterAll(async () => {
      await driver.remove(id, new Recorder(), never)
      await driver.dispose()
      expect(await harness.leftovers(id)).toEqual([])
    })

    const noise = async () => (await run(driver, id, ['sha256sum', '/tmp/noise'])).stdout.split(' ')[0]

    it('brings binary noise on both channels, byte for byte', async () => {
      const process = await driver.exec(
        id,
        { command: sh('cat /tmp/noise & cat /tmp/noise >&2; wait') },
        never,
      )
      process.stdin.end()
      const [out, error] = await Promise.all([collect(process.stdout), collect(process.stderr)])
      expect((await process.exit).code).toBe(0)
      const digests = [out, error].map((bytes) => createHash('sha256').update(bytes).digest('hex'))
      const expected = await noise()
      expect(digests).toEqual([expected, expected])
    })

    it('brings binary noise through a terminal, byte for byte, and ends', async () => {
      const process = await driver.exec(
        id,
        { command: sh('stty raw -echo; cat /tmp/noise'), tty: { columns: 80, rows: 24 } },
        never,
      )
      const out = await collect(process.stdout)
      expect((await process.exit).code).toBe(0)
      expect(createHash('sha256').update(out).digest('hex')).toBe(await noise())
    })

    it('has 50 at a time, each with its own size through a storm of them, and ends them', {
      timeout: 600_000,
    }, async () => {
      const opened = await Promise.all(
        Array.from({ length: 50 }, async (_, number) => {
          const process = await driver.exec(
            id,
            {
              command: sh(
                'stty -echo; echo up; while read -r line; do case $line in size) stty size;; *) echo "<$line>";; esac; done; exec sleep 77777',
              ),
              tty: { columns: 80, rows: 24 },
            },
            never,
          )
          const terminal = new Terminal(process)
          await terminal.sees('up')
          terminal.types(`I am ${number}`)
          await terminal.sees(`<I am ${number}>`)
          return terminal
        }),
      )
      // Sizes from all sides, the last of which counts.
      await Promise.all(
        opened.map(async (terminal, number) => {
          for (let round = 0; round < 100; round++) void terminal.process.resize(20 + round, 10 + number)
          await terminal.process.resize(100 + number, 30)
        }),
      )
      await Promise.all(
        opened.map((terminal, number) =>
          untilSo(async () => {
            terminal.clear()
            terminal.types('size')
            await terminal.sees('\n')
            return terminal.text.includes(`30 ${100 + number}`)
          }),
        ),
      )
      // The end of some is the end of no other.
      const [closed, kept] = [opened.slice(0, 25), opened.slice(25)]
      for (const terminal of closed) terminal.process.destroy()
      await Promise.all(closed.map(({ process }) => process.exit))
      for (const [number, terminal] of kept.entries()) {
        terminal.types(`still ${number}`)
        await terminal.sees(`<still ${number}>`)
      }
      for (const terminal of kept) terminal.process.destroy()
      await Promise.all(kept.map(({ process }) => process.exit))
      let left = ''
      // For each of them commands run in the container that look at every process there, several times.
      const gone = untilSo(async () => {
        left = (await run(driver, id, ['ps', '-eo', 'args'])).stdout
        return !/line in size|77777/.test(left)
      }, 300_000)
      await gone.catch((error: unknown) => {
        throw new Error(`${error}:\n${left}`)
      })
    })
  })
}

class Terminal {
  text = ''
  readonly process: ExecProcess
  #changed: () => void = () => undefined

  constructor(process: ExecProcess) {
    this.process = process
    process.stdout.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('utf8')
      this.#changed()
    })
  }

  types(line: string): void {
    this.process.stdin.write(`${line}\r`)
  }

  clear(): void {
    this.text = ''
  }

  async sees(what: string): Promise<void> {
    while (!this.text.includes(what)) {
      await new Promise<void>((resolve, reject) => {
        this.#changed = resolve
        void this.process.exit.then(({ code, problem }) =>
          reject(new Error(`ended (${code ?? problem?.code}) before "${what}": ${this.text}`)),
        )
      })
    }
  }
}
