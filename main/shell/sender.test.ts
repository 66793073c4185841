import { expect, it } from 'vitest'
import { isOwnFrame } from './sender'

const frame = { parent: null, origin: 'app://berth' }
const own = (contents: string) => contents === 'ours'

it('listens to the top frame of our own windows', () => {
  expect(isOwnFrame({ sender: 'ours', senderFrame: frame }, own)).toBe(true)
})

it.each([
  ['a window that is not ours', 'other', frame],
  ['a frame inside our page', 'ours', { ...frame, parent: frame }],
  ['another origin', 'ours', { ...frame, origin: 'https://berth' }],
  ['an origin that begins like ours', 'ours', { ...frame, origin: 'app://berth.evil' }],
  ['an opaque origin', 'ours', { ...frame, origin: 'null' }],
  ['a frame that is gone', 'ours', null],
])('does not listen to %s', (_who, sender, senderFrame) => {
  expect(isOwnFrame({ sender, senderFrame }, own)).toBe(false)
})
