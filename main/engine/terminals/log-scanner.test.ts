import { describe, expect, it } from 'vitest'
import { FloodBacklog, LogScanner } from './log-scanner'

const scan = (...chunks: string[]) => {
  const scanner = new LogScanner()
  return chunks.map((chunk) => scanner.scan(Buffer.from(chunk, 'utf8')))
}
const text = (backlog: FloodBacklog) => Buffer.concat(backlog.rest()).toString('utf8')

describe('the log scanner', () => {
  it('takes text, lines, looks, titles and links, wherever they are cut', () => {
    const log =
      'a\tb\r\n\x1b[1;31mred\x1b[0m \x1b[38:5:9mx\x1b[m\x1b[K größe\u00a0漢字\r\n\x1b]0;title\x07\x1b]8;;http://x\x1b\\l\x1b]8;;\x07\r\n'
    const bytes = Buffer.from(log)
    for (let at = 0; at <= bytes.length; at++) {
      const scanner = new LogScanner()
      expect(scanner.scan(bytes.subarray(0, at)), String(at)).toBeDefined()
      expect(scanner.scan(bytes.subarray(at)), String(at)).toBeDefined()
    }
    expect(scan(log)[0]?.lines).toBe(3)
  })

  it('refuses everything that does more than a log', () => {
    for (const odd of [
      '\x1b[2J',
      '\x1b[H',
      '\x1b[?1049h',
      '\x1b[6n',
      '\x1b[c',
      '\x1b[>4;1m',
      '\x1b7',
      '\x1b(0',
      '\x1bM',
      '\x0e',
      '\x0b',
      '\x1bP$qm\x1b\\',
      '\x1b]11;?\x07',
      '\x1b]52;c;eA==\x07',
      '\x1b]10;red\x07',
      '\u009b2J',
    ])
      expect(scan(`text\r\n${odd}`)[0], JSON.stringify(odd)).toBeUndefined()
  })

  it('cuts after a line’s end, with what was left behind', () => {
    const [first, second] = scan('\x1b[1m\x1b[0;31mred\x1b[4m', 'x\nno\r\nyes\x1b[m\r\n')
    expect(first?.cut).toBeUndefined()
    expect(second?.cut).toEqual({ offset: 6, state: '\x1b[0;31m\x1b[4m' })
  })
})

describe('the backlog of a flood', () => {
  it('keeps what can still be seen, and forgets what can not', () => {
    const backlog = new FloodBacklog(100)
    for (let block = 0; block < 1000; block++)
      expect(
        backlog.push(
          Buffer.from(
            Array.from({ length: 20 }, (_, line) => `\x1b[3${block % 8}mline ${block * 20 + line}\r\n`).join(
              '',
            ),
          ),
        ),
      ).toBe(true)
    const rest = text(backlog)
    expect(rest.startsWith('\r')).toBe(true)
    expect(rest.split('\n').length - 1).toBeGreaterThanOrEqual(100)
    expect(rest.split('\n').length - 1).toBeLessThan(145)
    expect(rest.endsWith('line 19999\r\n')).toBe(true)
    expect(backlog.bytes).toBeLessThan(3_000)
  })

  it('forgets nothing of lines without end', () => {
    const backlog = new FloodBacklog(100)
    for (let block = 0; block < 50; block++) backlog.push(Buffer.from('x'.repeat(1000)))
    expect(backlog.bytes).toBe(50_000)
    expect(backlog.push(Buffer.from('\x1b[2J'))).toBe(false)
    expect(text(backlog)).toBe('x'.repeat(50_000))
  })
})
