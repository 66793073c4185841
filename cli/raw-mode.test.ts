import { describe, expect, it } from 'vitest'
import { DetachKey, ModeTracker, terminalEnvironment } from './raw-mode'

describe('ModeTracker', () => {
  it('puts back what a program left on', () => {
    const modes = new ModeTracker()
    modes.see(Buffer.from('\u001b[?1049h\u001b[?25l\u001b[?1000;1006hhello'))
    expect(modes.restore()).toBe('\u001b[?1049l\u001b[?1000l\u001b[?1006l\u001b[?25h')
  })

  it('does nothing after a program that cleaned up, wherever the chunks are cut', () => {
    const whole = '\u001b[?1049h\u001b[?2004h text \u001b[?2004l\u001b[?1049l$ '
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const modes = new ModeTracker()
      modes.see(Buffer.from(whole.slice(0, cut)))
      modes.see(Buffer.from(whole.slice(cut)))
      expect(modes.restore(), `cut at ${cut}`).toBe('')
    }
  })

  it('sees a sequence that is cut', () => {
    const modes = new ModeTracker()
    for (const byte of Buffer.from('\u001b[?1049h')) modes.see(Uint8Array.of(byte))
    expect(modes.restore()).toBe('\u001b[?1049l')
  })
})

describe('DetachKey', () => {
  const key = Uint8Array.of(0x1d)

  it('is pressed three times within a second', () => {
    const detach = new DetachKey()
    expect([0, 400, 900].map((time) => detach.press(key, time))).toEqual([false, false, true])
  })

  it('is not one that is pressed slowly, or with other keys between', () => {
    const slow = new DetachKey()
    expect([0, 600, 1_200].map((time) => slow.press(key, time))).toEqual([false, false, false])
    const between = new DetachKey()
    expect([key, key, Buffer.from('x'), key].map((data) => between.press(data, 0))).not.toContain(true)
  })

  it('is found in one chunk', () => {
    expect(new DetachKey().press(Buffer.from('\u001d\u001d\u001d'), 0)).toBe(true)
  })
})

describe('terminalEnvironment', () => {
  it('keeps terminal types that images know, and replaces others', () => {
    expect(terminalEnvironment({ TERM: 'screen-256color' }).TERM).toBe('screen-256color')
    expect(terminalEnvironment({ TERM: 'alacritty', COLORTERM: 'truecolor' })).toEqual({
      TERM: 'xterm-256color',
      COLORTERM: 'truecolor',
    })
    expect(terminalEnvironment({}).TERM).toBe('xterm-256color')
  })
})
