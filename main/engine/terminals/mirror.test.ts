import { Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs'
import { afterEach, describe, expect, it } from 'vitest'
import { type MirrorOptions, ScreenMirror, type Snapshot } from './mirror'
import { screenState } from './screen-state'
import { UnicodeGraphemesAddon } from './unicode/graphemes'
import { hardenTerminal } from './xterm-hardening'
import { internalsOf } from './xterm-internals'

const disposables: { dispose(): void }[] = []
afterEach(() => {
  for (const disposable of disposables.splice(0)) disposable.dispose()
})

function mirror(options: Partial<MirrorOptions> = {}): ScreenMirror {
  const made = new ScreenMirror({
    columns: 40,
    rows: 8,
    scrollback: 100,
    onAnswer: () => undefined,
    onColorQuery: () => undefined,
    onTitle: () => undefined,
    onFault: (error) => {
      throw error
    },
    onProgress: () => undefined,
    ...options,
  })
  disposables.push(made)
  return made
}

/** A terminal as a window has it. */
function fresh(columns = 40, rows = 8, scrollback = 100): Terminal {
  const made = new Terminal({ cols: columns, rows, scrollback, allowProposedApi: true })
  made.loadAddon(new UnicodeGraphemesAddon())
  hardenTerminal(made, (error) => {
    throw error
  })
  disposables.push(made)
  return made
}

const bytes = (text: string) => Buffer.from(text, 'utf8')
const write = (terminal: Terminal, data: string | Uint8Array) =>
  new Promise<void>((resolve) => terminal.write(data, resolve))
const snapshot = (of: ScreenMirror) =>
  new Promise<Snapshot>((resolve) => of.whenParsed(() => resolve(of.snapshot())))

/** The same output seen from the start, and from a snapshot in the middle on. */
async function joinedAfter(head: Uint8Array, rest: Uint8Array, columns = 40, rows = 8) {
  const witness = fresh(columns, rows)
  await write(witness, head)
  const odd = isOdd(witness)
  await write(witness, rest)
  const source = mirror({ columns, rows })
  source.write(head)
  const { data, tail } = await snapshot(source)
  const joiner = fresh(columns, rows)
  const answers: string[] = []
  joiner.onData((answer) => answers.push(answer))
  await write(joiner, data)
  await write(joiner, tail)
  await write(joiner, rest)
  return { witness: screenState(witness), joiner: screenState(joiner), answers, data, odd }
}

/**
 * States that are not carried over to the last bit: a screen whose first line continues one that is gone, a cursor
 * past the edge of a line whose last cell was erased (no sequence makes either from scratch), and what a program
 * that left the alternate screen had saved there. Then one flag, one blank or that position differs.
 */
function isOdd(terminal: Terminal): boolean {
  const { normal, alt, active } = internalsOf(terminal).buffers
  const { fg, bg } = alt.savedCurAttrData
  if (active !== alt && (alt.savedX !== 0 || alt.savedY !== 0 || fg !== 0 || bg !== 0)) return true
  return [normal, alt].some((buffer) => {
    const line = buffer.lines.get(buffer.ybase + buffer.y)
    const lastIsEmpty = line && ((line._data.at(-3) ?? 0) & 0x3fffff) === 0
    return buffer.lines.get(0)?.isWrapped || (buffer.x === terminal.cols && lastIsEmpty)
  })
}

const scripts: Record<string, string> = {
  text: 'hello\r\nworld\r\n$ ',
  'more than the screen': Array.from({ length: 50 }, (_, line) => `line ${line}\r\n`).join(''),
  'cursor in the middle': 'one\r\ntwo\r\nthree\x1b[2;2H',
  'wrapped lines': `${'abcdefghij'.repeat(9)}\r\nnext`,
  'wide characters at the edge': `${'x'.repeat(39)}漢字${'x'.repeat(37)}漢漢`,
  'a wrap into an erased cell': `${'w'.repeat(45)}\x1b[1G\x1b[2X`,
  'a wrap from an erased cell': `${'w'.repeat(45)}\x1b[A\x1b[38G\x1b[3X\x1b[B`,
  'a pending wrap': 'p'.repeat(40),
  'a pending wrap in colour, on a wide character': `\x1b[31;44m${'p'.repeat(38)}漢`,
  'colours and styles':
    '\x1b[31mred \x1b[1mbold \x1b[92mbright\x1b[0m \x1b[48;5;200mback\x1b[38;2;1;2;3mtrue\x1b[0;2;3;4;7;9;53mall\x1b[0m.',
  'palette colours below sixteen': '\x1b[38;5;3m three \x1b[33m three \x1b[48;5;9m nine \x1b[101m nine',
  underlines:
    '\x1b[4:3mcurly\x1b[58;2;9;8;7m colour\x1b[4:2m double\x1b[59m \x1b[4:5;58;5;77mdashed\x1b[0m x\x1b[4:3;58;5;3m',
  'coloured erasure':
    '\x1b[44mblue\x1b[K\r\n\x1b[41m\x1b[J\r\n\x1b[42m\x1b[3X\x1b[5Cx\x1b[0m\x1b[3;9H\x1b[45m\x1b[2X',
  'scrolling with a background': `\x1b[46m${'line\r\n'.repeat(20)}${'long '.repeat(20)}`,
  links:
    '\x1b]8;;https://example.org/a\x07here\x1b]8;;\x07 and \x1b]8;id=7;https://example.org/b\x07there\r\nstill',
  clusters:
    '👨‍👩‍👦 👍🏽 e\u0301 ก็ 각 🇩🇪🇫🇷 ❤️ \u{1F1E9}\x1b[3;1H\u{1F1E9}\x1b[3;3H\u{1F1EA}\x1b[4;1H\u1112\x1b[4;3H\u1161',
  'the alternate screen':
    'before\r\n$ vi\x1b[31m\x1b[?1049h\x1b[H\x1b[34m~\r\n~\x1b[8;1H\x1b[7mstatus\x1b[3;5H',
  'the alternate screen, entered twice over':
    '\x1b[5;5Hx\x1b7\x1b[1;1H\x1b[?47habc\x1b[2;3r\x1b[32m\x1b7\x1b[2;4H',
  'margins and origin': '1\r\n2\r\n3\r\n4\r\n5\x1b[2;4r\x1b[?6h\x1b[2;2H',
  'a saved cursor': 'text\x1b[3;7H\x1b[35m\x1b7\x1b[0m\x1b[1;1H',
  'a saved line drawing cursor': '\x1b(0\x1b[3;7H\x1b7\x1b(B\x1b[1;1H',
  'line drawing': '\x1b(0lqqk\x1b(B text \x1b)0\x0exx',
  modes:
    '\x1b[?1h\x1b[?66h\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?1004h\x1b[?25l\x1b[4 q\x1b[4h\x1b[?7l\x1b[?45hend',
  'mouse in pixels': '\x1b[?1003h\x1b[?1016h\x1b[5 q',
  'tab stops': '\x1b[3g\x1b[5G\x1bH\x1b[12G\x1bH\r',
  'new line mode': 'a\x1b[20hb\nc',
  tmux: '\x1b[?1049h\x1b[1;7r\x1b[?25h$ ls\x1b[8;1H\x1b[30;42m[0] 0:bash*\x1b[K\x1b[0m\x1b[1;5H',
}

describe('a snapshot', () => {
  for (const [name, script] of Object.entries(scripts)) {
    it(`gives a fresh terminal the same state: ${name}`, async () => {
      const { witness, joiner } = await joinedAfter(bytes(script), bytes(''))
      expect(joiner).toEqual(witness)
    })

    it(`lets a fresh terminal go on the same way: ${name}`, async () => {
      const more = 'more\x1b8back\r\n\x1b[?1049l\r\n漢字 after\x1b[2;1H\x1bM\x1b[4mx\tz'
      const { witness, joiner } = await joinedAfter(bytes(script), bytes(more))
      expect(joiner).toEqual(witness)
    })
  }

  it('may be taken at every byte', async () => {
    const script = bytes(
      'a漢\x1b[1;31mred\x1b]2;title\x07 \x1b]8;;http://x\x1b\\l\x1b]8;;\x1b\\é\x1bP$q q\x1b\\\x1b[?1049h\x1b[2;5Hx\x1b(0q\x1b(B👍\x1b[?1049l.',
    )
    for (let at = 0; at <= script.length; at++) {
      const { witness, joiner } = await joinedAfter(script.subarray(0, at), script.subarray(at))
      expect(joiner, `joined after byte ${at}`).toEqual(witness)
    }
  })

  it('is right after whatever came', { timeout: 60_000 }, async () => {
    const random = randomFrom(20_260_101)
    const rounds = 600
    let left = 0
    for (let round = 0; round < rounds; round++) {
      const columns = 5 + random(40)
      const rows = 2 + random(10)
      const script = bytes(randomOutput(random, columns, rows))
      const at = random(script.length)
      const { witness, joiner, odd } = await joinedAfter(
        script.subarray(0, at),
        script.subarray(at),
        columns,
        rows,
      )
      if (odd) left += 1
      else expect(joiner, `round ${round}: ${JSON.stringify(script.toString())} at ${at}`).toEqual(witness)
    }
    expect(left).toBeLessThan(rounds / 10)
  })

  it('carries the title, and colours that programs set', async () => {
    const source = mirror()
    source.write(
      bytes('\x1b]0;my \x01title\x07\x1b]4;1;#ff0000;2;?\x07\x1b]11;#102030\x07\x1b]12;red\x07\x1b]112\x07'),
    )
    const { data } = await snapshot(source)
    expect(data).toContain('\x1b]2;my title\x07')
    expect(data).toContain('\x1b]4;1;#ff0000\x07')
    expect(data).toContain('\x1b]11;#102030\x07')
    expect(data).not.toContain('\x1b]12;')
    expect(data).not.toContain('?\x07')
  })

  it('asks nothing, so that nothing is answered', async () => {
    const script = `${Object.values(scripts).join('\x1bc')}\x1b[c\x1b[6n\x1b]11;?\x07`
    const { answers } = await joinedAfter(bytes(script), bytes(''))
    expect(answers).toEqual([])
  })
})

describe('a flood', () => {
  /** Output that floods a mirror, with what a log may hold; now and then something that it may not. */
  function flood(random: (below: number) => number, size: number, odd: boolean): string {
    const pieces: (() => string)[] = [
      () => `\x1b[${30 + random(8)}mline ${random(1000)}\x1b[0m\r\n`,
      () => `${'wide 漢字 '.repeat(random(12))}\r\n`,
      () => `\x1b[4${random(8)}mground\r\n`,
      () => `\x1b[1;3${random(8)}mbold \x1b[22;4mnot\r\n`,
      () => `progress ${random(100)}%\r\x1b[Kprogress\b\b done\r\n`,
      () => `\x1b]8;;http://x/${random(9)}\x07link\r\n`,
      () => '\x1b]8;;\x07\r\n',
      () => `\x1b]2;title ${random(9)}\x07\r\n`,
      () => `${'x'.repeat(random(200))}\n`,
      () => 'é👍🏽\r\n',
    ]
    const oddities = [
      '\x1b[3;3H',
      '\x1b[2J',
      '\x1b7',
      '\x1b8',
      '\x1b[?1049h',
      '\x1b[?1049l',
      '\x1b[2;5r',
      '\x1b[r',
    ]
    let text = ''
    while (text.length < size) {
      text += pieces[random(pieces.length)]?.() ?? ''
      if (odd && text.length > size * 0.7 && random(500) === 0) text += oddities[random(oddities.length)]
    }
    return text
  }

  for (const odd of [false, true]) {
    it(`is read in part and shown as if in full${odd ? ', with oddities in it' : ''}`, {
      timeout: 60_000,
    }, async () => {
      const random = randomFrom(odd ? 7 : 8)
      let idled = 0
      for (let round = 0; round < 10; round++) {
        const script = bytes(flood(random, 700_000, odd))
        const witness = fresh(60, 10, 50)
        await write(witness, script)
        const source = mirror({ columns: 60, rows: 10, scrollback: 50 })
        for (let at = 0; at < script.length; ) {
          const size = 1 + random(60_000)
          source.write(script.subarray(at, at + size))
          at += size
          if (source.pending > 300_000) await new Promise((resolve) => setTimeout(resolve, 1))
          if (source.idling) idled += 1
        }
        const { data, tail } = await snapshot(source)
        const joiner = fresh(60, 10, 50)
        await write(joiner, data)
        await write(joiner, tail)
        if (!isOdd(witness)) expect(screenState(joiner), `round ${round}`).toEqual(screenState(witness))
      }
      expect(idled).toBeGreaterThan(0)
    })
  }

  it('is read to its end when it pauses', async () => {
    const titles: string[] = []
    const source = mirror({ onTitle: (title) => titles.push(title) })
    const block = bytes('some line\r\n'.repeat(6_000))
    source.write(block)
    source.write(block)
    source.write(block)
    await new Promise((resolve) => setTimeout(resolve, 15))
    for (let count = 0; count < 30; count++) source.write(block)
    source.write(bytes('\x1b]2;at last\x07'))
    await expect.poll(() => titles, { interval: 10 }).toEqual(['at last'])
    expect(source.idling).toBe(false)
  })
})

describe('a mirror', () => {
  it('lives through what breaks a terminal', async () => {
    const faults: unknown[] = []
    const source = mirror({ onFault: (error) => faults.push(error) })
    source.write(bytes('x\x1b[999;999H\x1b[1J'))
    const { data } = await snapshot(source)
    expect(data).not.toContain('x')
    expect(faults).toEqual([])
  })

  it('goes on after an exception within the parser', async () => {
    const faults: unknown[] = []
    const terminal = new Terminal({ allowProposedApi: true })
    disposables.push(terminal)
    hardenTerminal(terminal, (error) => faults.push(error))
    terminal.parser.registerCsiHandler({ final: 'y' }, () => {
      throw new Error('broken')
    })
    await write(terminal, 'before\x1b[yrest')
    await write(terminal, ' after')
    expect(terminal.buffer.active.getLine(0)?.translateToString(true)).toBe('before after')
    expect(faults).toHaveLength(1)
  })

  it('keeps the order of bytes, sizes and questions', async () => {
    const source = mirror({ columns: 10, rows: 3 })
    const seen: string[] = []
    source.write(bytes('0123456789ab\r\n'))
    source.whenParsed(() => seen.push(source.snapshot().data))
    source.resize(20, 3)
    source.write(bytes('c'))
    const last = await snapshot(source)
    expect(seen).toHaveLength(1)
    expect(seen[0]).not.toContain('c')
    expect(last.columns).toBe(20)
    expect(last.data).toContain('0123456789ab\r\nc')
  })

  it('answers what programs ask, once', async () => {
    const answers: string[] = []
    const colors: string[] = []
    const source = mirror({ onAnswer: (answer) => answers.push(answer), onColorQuery: (c) => colors.push(c) })
    source.write(bytes('abc\x1b[6n\x1b[c\x1b]10;?;?\x07\x1b]4;7;?\x1b\\'))
    await snapshot(source)
    expect(answers).toEqual(['\x1b[1;4R', '\x1b[?1;2c'])
    expect(colors).toEqual(['10', '11', '4;7'])
  })

  it('counts what it has not parsed, down to nothing', async () => {
    let progress = 0
    const source = mirror({ onProgress: () => (progress += 1) })
    const chunk = bytes('some text\r\n'.repeat(50_000))
    source.write(chunk)
    expect(source.pending).toBe(chunk.length)
    await snapshot(source)
    expect(source.pending).toBe(0)
    expect(progress).toBeGreaterThan(1)
  })

  it('forgets everything when it is disposed', async () => {
    const source = mirror()
    let called = false
    source.write(bytes('x'))
    source.whenParsed(() => {
      called = true
    })
    source.dispose()
    source.write(bytes('y'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(called).toBe(false)
    expect(source.pending).toBe(0)
  })
})

/** Numbers that look random and are the same each time (mulberry32). */
function randomFrom(seed: number) {
  let state = seed
  return (below: number) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

function randomOutput(random: (below: number) => number, columns: number, rows: number): string {
  const words = [
    'hello',
    'x',
    '漢字',
    'ab cd',
    '─│',
    '   ',
    'wide漢',
    'é',
    '~'.repeat(columns),
    'y'.repeat(columns - 1),
  ]
  const row = () => 1 + random(rows)
  const column = () => 1 + random(columns)
  const pieces: (() => string)[] = [
    () => words[random(words.length)] ?? '',
    () => words[random(words.length)] ?? '',
    () => '\r\n',
    () => '\n',
    () => '\t',
    () => '\b',
    () => `\x1b[${row()};${column()}H`,
    () => `\x1b[${30 + random(8)};${40 + random(8)}m`,
    () => `\x1b[${random(10)}m`,
    () => `\x1b[38;5;${random(256)}m`,
    () => '\x1b[0m',
    () => `\x1b[${random(3)}J`,
    () => `\x1b[${random(3)}K`,
    () => `\x1b[${1 + random(5)}X`,
    () => `\x1b[${1 + random(5)}P`,
    () => `\x1b[${1 + random(5)}@`,
    () => `\x1b[${1 + random(3)}L`,
    () => `\x1b[${1 + random(3)}M`,
    () => `\x1b[${1 + random(3)}S`,
    () => `\x1b[${1 + random(3)}T`,
    () => '\x1bM',
    () => '\x1b7',
    () => '\x1b8',
    () => (random(2) ? '\x1b[?1049h' : '\x1b[?1049l'),
    () => (rows > 2 ? `\x1b[${1 + random(rows - 2)};${rows}r` : ''),
    () => (random(2) ? '\x1b[?6h' : '\x1b[?6l'),
    () => (random(2) ? '\x1b[4h' : '\x1b[4l'),
    () => (random(2) ? '\x1b[?7h' : '\x1b[?7l'),
  ]
  return Array.from({ length: 5 + random(60) }, () => pieces[random(pieces.length)]?.() ?? '').join('')
}
