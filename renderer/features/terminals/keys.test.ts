import { describe, expect, it } from 'vitest'
import { terminalKey } from './keys'

function press(chord: string, type = 'keydown') {
  const parts = chord.split('+')
  const code = parts.at(-1) ?? ''
  const has = (name: string) => parts.slice(0, -1).includes(name)
  return {
    type,
    code,
    key: code,
    ctrlKey: has('ctrl'),
    shiftKey: has('shift'),
    altKey: has('alt'),
    metaKey: has('meta'),
  }
}

describe('the keys of the clipboard', () => {
  it('are the platform’s', () => {
    expect(terminalKey(press('ctrl+shift+KeyC'), false)).toBe('copy')
    expect(terminalKey(press('ctrl+shift+KeyV'), false)).toBe('paste')
    expect(terminalKey(press('ctrl+Insert'), false)).toBe('copy')
    expect(terminalKey(press('shift+Insert'), false)).toBe('paste')
    expect(terminalKey(press('meta+KeyC'), true)).toBe('copy')
    expect(terminalKey(press('meta+KeyV'), true)).toBe('paste')
  })

  it('leave Control-C and everything else to the program', () => {
    for (const mac of [false, true]) {
      expect(terminalKey(press('ctrl+KeyC'), mac)).toBeUndefined()
      expect(terminalKey(press('ctrl+KeyV'), mac)).toBeUndefined()
      expect(terminalKey(press('KeyC'), mac)).toBeUndefined()
      expect(terminalKey(press('ctrl+alt+shift+KeyC'), mac)).toBeUndefined()
    }
    expect(terminalKey(press('ctrl+shift+KeyC', 'keyup'), false)).toBeUndefined()
    expect(terminalKey(press('ctrl+shift+KeyC'), true)).toBeUndefined()
    expect(terminalKey(press('meta+KeyC'), false)).toBeUndefined()
  })
})
