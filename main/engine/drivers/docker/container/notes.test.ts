import { expect, it } from 'vitest'
import { notesOf } from './notes'

const volume = (at: number, minutes: number, id = 'aaaaaaaaaa') => ({
  Name: `berth-${id}-notes-${at}`,
  Labels: {
    'berth.dev/workspace': id,
    'berth.dev/volume': 'notes',
    'berth.dev/noted-at': String(at),
    'berth.dev/idle': JSON.stringify({ minutes, whileClosed: false }),
  },
})

it('takes the newest of the notes that there are for a moment', () => {
  const notes = notesOf([volume(2, 20), volume(3, 30), volume(1, 10), volume(1, 60, 'bbbbbbbbbb')])
  expect(notes.get('aaaaaaaaaa')?.idle?.minutes).toBe(30)
  expect(notes.get('bbbbbbbbbb')?.idle?.minutes).toBe(60)
})

it('leaves other volumes alone', () => {
  expect(
    notesOf([
      { Name: 'x', Labels: null },
      { Name: 'y', Labels: { 'berth.dev/volume': 'source' } },
    ]).size,
  ).toBe(0)
})
