import { describe, expect, it } from 'vitest'
import { mergeSettings } from './machine-settings'

describe('mergeSettings', () => {
  it('adds what is not there, and leaves comments and what somebody has set', () => {
    const text = '{\n  // mine\n  "editor.tabSize": 8,\n}\n'
    const merged = mergeSettings(text, { 'editor.tabSize': 2, 'a.b': { c: [1] } }, {})
    expect(merged).toContain('// mine')
    expect(merged).toContain('"editor.tabSize": 8')
    expect(merged).toContain('"a.b"')
  })
  it('begins a file', () => {
    expect(JSON.parse(mergeSettings('', { a: 1 }, {}) ?? '')).toEqual({ a: 1 })
  })
  it('changes and takes away what it has added itself, as long as nobody has changed it', () => {
    const before = { a: 1, b: 1, c: 1 }
    const merged = mergeSettings('{ "a": 1, "b": 2, "c": 1 }', { a: 5, b: 5 }, before)
    expect(JSON.parse(merged ?? '')).toEqual({ a: 5, b: 2 })
  })
  it('does nothing where there is nothing to do', () => {
    expect(mergeSettings('{ "a": 1 }', { a: 1 }, { a: 1 })).toBeUndefined()
    expect(mergeSettings('{}', {}, {})).toBeUndefined()
  })
  it.each(['[', '[1]', '"x"', '{ "a": '])('leaves %s alone, which is no such file', (text) => {
    expect(mergeSettings(text, { a: 1 }, {})).toBeUndefined()
  })
})
