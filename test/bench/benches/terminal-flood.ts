import type { Page } from 'playwright-core'
import { ACK_EVERY } from '#contract'
import { command } from '../../harness/command'
import type { Bench } from '../bench'
import { megabytesPerSecond } from '../drain'
import { quantile } from '../statistics'
import { focus, heard, listenFor, type } from '../terminal-page'
import { type BerthWindow, openBare, openBerth, withApplication } from '../window'

const SIZE = 100_000_000
const FILE = '/var/tmp/flood'
/** Ctrl-C in the middle of a flood, so many times. */
const INTERRUPTS = 30
const PROMPT = 'bench-prompt>'
/** Milliseconds. */
const PARSE_LIMIT = 10_000

/**
 * A log as programs print it: colours, numbers, a few wide characters. The lines' numbers let the end show whether one
 * is missing. The script is what makes the file inside; the same text is written from memory on the other side.
 */
const BLOCK_LINES = 1000
function block(): string {
  const levels = [
    '\u001b[32mINFO\u001b[0m ',
    '\u001b[33mWARN\u001b[0m ',
    '\u001b[1;31mERROR\u001b[0m',
    '\u001b[36mDEBUG\u001b[0m',
  ]
  let text = ''
  for (let line = 0; line < BLOCK_LINES; line += 1) {
    const level = levels[line % levels.length] ?? ''
    text += `\u001b[90m12:00:${String(line % 60).padStart(2, '0')}\u001b[0m ${level} request \u001b[1m${line}\u001b[0m from 10.0.0.${line % 256} took \u001b[38;5;208m${line * 7} ms\u001b[0m, gr\u00f6\u00dfe ${line % 10 === 0 ? '\u6f22\u5b57' : 'small'}\r\n`
  }
  return text
}

export const terminalFlood: Bench = {
  name: 'terminal-flood',
  title: '100 MB coloured log in the real window / the same xterm fed from memory in a bare window',
  unit: 'MB/s',
  target: { kind: 'ratio', atLeast: 0.8 },
  rounds: 7,
  prepare: ({ say }) =>
    withApplication(async () => {
      const window = await openBerth()
      const { page } = window
      const text = block()
      await makeFile(window, text)
      // The workspace opens its first terminal by itself; the one that is measured has to be opened after the counting began.
      await window.openTerminal()
      await countStream(page)
      const former = await shownSession(page)
      await window.openTerminal()
      await page.waitForFunction((id) => {
        const shown = [...document.querySelectorAll<HTMLElement>('[data-session]')].find(
          (each) => each.offsetParent,
        )
        const text = shown?.querySelector('.xterm-rows')?.textContent ?? ''
        return shown?.dataset.session !== id && /[$#]\s*$/.test(text)
      }, former)
      await type(page, `stty -opost; PS1='${PROMPT} '`)
      await promptAppears(page)
      const size = await terminalSize(page)
      say(`terminal-flood: ${size.columns} columns, ${size.rows} rows`)
      const bare = await openBare(true)
      await bare.page.waitForFunction(() => 'openTerminal' in globalThis)
      await bare.page.evaluate(({ columns, rows }) => globalThis.window.openTerminal(columns, rows), size)
      const lost: number[] = []
      return {
        async ours() {
          const before = await counted(page)
          const took = await flood(page)
          const after = await counted(page)
          lost.push(SIZE - (after.payload - before.payload))
          if (after.parsed - before.parsed !== after.received - before.received)
            throw new Error('the window has not parsed what it received')
          return megabytesPerSecond(SIZE, took)
        },
        async reference() {
          const took = await bare.page.evaluate(([part, bytes]) => globalThis.window.flood(part, bytes), [
            text,
            SIZE,
          ] as const)
          return megabytesPerSecond(SIZE, took)
        },
        async facts() {
          const times = await interrupts(page)
          const p99 = quantile(times, 0.99)
          const worst = Math.max(...lost.map(Math.abs))
          return [
            { what: 'bytes lost', value: String(worst), pass: worst === 0 },
            { what: 'Ctrl-C to prompt, p50', value: `${quantile(times, 0.5).toFixed(0)} ms`, pass: true },
            { what: 'Ctrl-C to prompt, p99', value: `${p99.toFixed(0)} ms`, pass: p99 <= 150 },
          ]
        },
        async dispose() {
          await bare.dispose()
          await window.dispose()
        },
      }
    }),
}

/** The file begins and ends with marks that the window looks for; what is between them is `SIZE` bytes. */
async function makeFile(window: BerthWindow, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  const encoded = bytes.toString('base64')
  const repeat = Math.ceil(SIZE / bytes.length)
  const script = `echo '${encoded}' | base64 -d > /tmp/block
(printf '<flood:begin>'; (i=0; while [ $i -lt ${repeat} ]; do cat /tmp/block; i=$((i+1)); done) | head -c ${SIZE}; printf '<flood:end>') > ${FILE}`
  const env = { ...process.env, ...window.docker.env }
  await command('docker', ['exec', '-i', '-u', '0', window.container, 'sh'], { env, input: script })
}

interface Counted {
  readonly received: number
  readonly parsed: number
  /** Bytes between the marks. */
  readonly payload: number
}

/**
 * Counts in the page what comes over terminal streams and what the window says it has parsed. It looks at messages that
 * are there anyway and keeps nothing of them.
 */
async function countStream(page: Page): Promise<void> {
  await page.evaluate(() => {
    const counts = { received: 0, parsed: 0, payload: 0 }
    Object.assign(globalThis, { benchCounts: counts })
    const decoder = new TextDecoder('latin1')
    const begin = '<flood:begin>'
    const end = '<flood:end>'
    let inside = false
    let carry = ''
    const see = (data: Uint8Array) => {
      counts.received += data.length
      // Marks are at the very beginning and end of an output: only the edges of a chunk are looked at.
      if (!inside) {
        const text = carry + decoder.decode(data.subarray(0, 4096))
        const at = text.indexOf(begin)
        carry = text.slice(-begin.length)
        if (at < 0) return
        inside = true
        counts.payload += data.length - (at + begin.length - (text.length - Math.min(data.length, 4096)))
        carry = ''
      } else {
        counts.payload += data.length
      }
      const edge = decoder.decode(data.subarray(-4096))
      const text = carry + edge
      const at = text.indexOf(end)
      carry = text.slice(-end.length)
      if (at < 0) return
      counts.payload -= text.length - at
      inside = false
      carry = ''
    }
    const original = MessagePort.prototype.postMessage
    const seen = new WeakSet<MessagePort>()
    MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...rest: unknown[]) {
      const up = message as { type?: string; bytes?: number }
      if (up?.type === 'ack') counts.parsed += up.bytes ?? 0
      return Reflect.apply(original, this, [message, ...rest])
    }
    const watch = (port: MessagePort) => {
      if (seen.has(port)) return
      seen.add(port)
      listen.call(port, 'message', (event) => {
        const { data } = event as MessageEvent<{ type?: string; data?: unknown }>
        if (data?.type === 'data' && data.data instanceof Uint8Array && !('channel' in data)) see(data.data)
      })
    }
    const listen = MessagePort.prototype.addEventListener
    MessagePort.prototype.addEventListener = function (
      this: MessagePort,
      ...args: Parameters<typeof listen>
    ) {
      if (args[0] === 'message') watch(this)
      return Reflect.apply(listen, this, args)
    }
    const property = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage')
    if (property)
      Object.defineProperty(MessagePort.prototype, 'onmessage', {
        ...property,
        set(this: MessagePort, listener: unknown) {
          watch(this)
          property.set?.call(this, listener)
        },
      })
  })
}

/**
 * Waits until all that came is parsed and told, which happens in steps; the last few bytes are never told alone.
 * Whatever is not told by the end of `PARSE_LIMIT` was never parsed.
 */
async function counted(page: Page): Promise<Counted> {
  const before = performance.now()
  for (;;) {
    await pause(200)
    const counts = await page.evaluate(() => (globalThis as unknown as { benchCounts: Counted }).benchCounts)
    if (counts.received - counts.parsed < ACK_EVERY) return { ...counts, parsed: counts.received }
    if (performance.now() - before > PARSE_LIMIT) return counts
  }
}

/** Milliseconds from Enter to the end of the file on the screen. */
async function flood(page: Page): Promise<number> {
  const line = `cat ${FILE}`
  await focus(page)
  await page.keyboard.type(line)
  await listenFor(
    page,
    PROMPT,
    (prompt) =>
      new Promise<number>((resolve) => {
        let started = 0
        document.addEventListener(
          'keydown',
          () => {
            started = performance.now()
            let seen = false
            // Looked for once: asking for layout at every frame would be paid by this side alone.
            const rows = [...document.querySelectorAll<HTMLElement>('.xterm')]
              .find((each) => each.offsetParent)
              ?.querySelector('.xterm-rows')
            const look = () => {
              const text = rows?.textContent ?? ''
              const trimmed = text.replaceAll('\u00a0', ' ').trimEnd()
              // The prompt of before is still there until output has begun.
              if (!trimmed.includes('cat ')) seen = true
              if (seen && trimmed.includes('<flood:end>') && trimmed.endsWith(prompt))
                resolve(performance.now() - started)
              else requestAnimationFrame(look)
            }
            requestAnimationFrame(look)
          },
          { once: true, capture: true },
        )
      }),
  )
  await page.keyboard.press('Enter')
  return heard(page)
}

/** Ctrl-C at a moment of its own in an endless flood; milliseconds until the prompt is on the screen. */
async function interrupts(page: Page): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < INTERRUPTS; count += 1) {
    await type(page, `while :; do cat ${FILE}; done`)
    await pause(400 + Math.random() * 600)
    await listenFor(
      page,
      PROMPT,
      (prompt) =>
        new Promise<number>((resolve) => {
          const onKey = (event: KeyboardEvent) => {
            if (event.key !== 'c') return
            document.removeEventListener('keydown', onKey, true)
            const started = performance.now()
            const rows = [...document.querySelectorAll<HTMLElement>('.xterm')]
              .find((each) => each.offsetParent)
              ?.querySelector('.xterm-rows')
            const look = () => {
              const text = rows?.textContent ?? ''
              if (text.replaceAll('\u00a0', ' ').trimEnd().endsWith(prompt))
                resolve(performance.now() - started)
              else requestAnimationFrame(look)
            }
            requestAnimationFrame(look)
          }
          document.addEventListener('keydown', onKey, true)
        }),
    )
    await page.keyboard.press('Control+c')
    times.push(await heard(page))
    // Colours of a line that was cut, and what else was left on.
    await type(page, 'printf "\\033[0m"; clear')
    await promptAppears(page)
  }
  return times
}

async function terminalSize(page: Page): Promise<{ columns: number; rows: number }> {
  await type(page, 'clear; stty size')
  const size = await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll<HTMLElement>('.xterm')].find((each) => each.offsetParent)
    const text = rows?.querySelector('.xterm-rows')?.textContent?.replaceAll('\u00a0', ' ') ?? ''
    const match = /(\d+) (\d+)\s*bench-prompt/.exec(text)
    return match ? { rows: Number(match[1]), columns: Number(match[2]) } : null
  })
  return (await size.jsonValue()) ?? { columns: 80, rows: 24 }
}

function shownSession(page: Page): Promise<string | undefined> {
  return page.evaluate(
    () =>
      [...document.querySelectorAll<HTMLElement>('[data-session]')].find((each) => each.offsetParent)?.dataset
        .session,
  )
}

async function promptAppears(page: Page): Promise<void> {
  await page.waitForFunction((prompt) => {
    const shown = [...document.querySelectorAll<HTMLElement>('.xterm')].find((each) => each.offsetParent)
    const text = shown?.querySelector('.xterm-rows')?.textContent?.replaceAll('\u00a0', ' ') ?? ''
    return text.trimEnd().endsWith(prompt) && !text.includes('clear')
  }, PROMPT)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
