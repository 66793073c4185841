import { expect, test } from 'vitest'
import { chordLabels, hasModifier, type KeyPress, matchesChord } from './keys'

function press(fields: Partial<KeyPress>): KeyPress {
  return { key: '', code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...fields }
}

test('mod is Control, and Command on macOS', () => {
  const control = press({ key: 'k', code: 'KeyK', ctrlKey: true })
  const command = press({ key: 'k', code: 'KeyK', metaKey: true })
  expect(matchesChord(control, 'mod+k', false)).toBe(true)
  expect(matchesChord(command, 'mod+k', false)).toBe(false)
  expect(matchesChord(command, 'mod+k', true)).toBe(true)
  expect(matchesChord(control, 'mod+k', true)).toBe(false)
})

test('every modifier has to fit', () => {
  const event = press({ key: 'P', code: 'KeyP', ctrlKey: true, shiftKey: true })
  expect(matchesChord(event, 'mod+shift+p', false)).toBe(true)
  expect(matchesChord(event, 'mod+p', false)).toBe(false)
  expect(matchesChord({ ...event, altKey: true }, 'mod+shift+p', false)).toBe(false)
})

test('signs are told by what they are, however a layout types them', () => {
  expect(matchesChord(press({ key: '?', code: 'Slash', shiftKey: true }), '?', false)).toBe(true)
  expect(matchesChord(press({ key: '?', code: 'Minus', shiftKey: true }), '?', false)).toBe(true)
  expect(matchesChord(press({ key: '/', code: 'Slash' }), '?', false)).toBe(false)
})

test('the sign that joins a chord can be its key', () => {
  expect(matchesChord(press({ key: '+', code: 'BracketRight', ctrlKey: true }), 'mod++', false)).toBe(true)
  expect(
    matchesChord(press({ key: '+', code: 'Equal', ctrlKey: true, shiftKey: true }), 'mod++', false),
  ).toBe(true)
  expect(matchesChord(press({ key: '+', code: 'Equal' }), 'mod++', false)).toBe(false)
  expect(chordLabels('mod++', false)).toEqual(['Ctrl', '+'])
})

test('a digit is found by its place where the layout puts something else there', () => {
  expect(matchesChord(press({ key: '&', code: 'Digit1', ctrlKey: true }), 'mod+1', false)).toBe(true)
})

test('labels are the platform’s', () => {
  expect(chordLabels('mod+shift+p', false)).toEqual(['Ctrl', 'Shift', 'P'])
  expect(chordLabels('mod+shift+p', true)).toEqual(['⌘', '⇧', 'P'])
  expect(chordLabels('alt+arrowleft', false)).toEqual(['Alt', '←'])
  expect(chordLabels('ctrl+pageup', false)).toEqual(['Ctrl', 'PgUp'])
  expect(chordLabels('ctrl+f6', false)).toEqual(['Ctrl', 'F6'])
})

test('only chords with a real modifier may be taken from a text field', () => {
  expect(hasModifier('mod+k')).toBe(true)
  expect(hasModifier('?')).toBe(false)
  expect(hasModifier('shift+a')).toBe(false)
})
