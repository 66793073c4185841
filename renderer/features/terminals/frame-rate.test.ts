import type { Terminal } from '@xterm/xterm'
import { expect, it, vi } from 'vitest'
import { drawFloodsSeldom } from './frame-rate'

it('moves the scroll bar once with all that is written at once, and at once otherwise', () => {
  const moved = vi.fn()
  const viewport = { _sync: (line?: number) => moved(line) }
  const handler = {
    parse: (data: string) => {
      for (const _line of data.split('\n')) viewport._sync()
      expect(moved).not.toHaveBeenCalled()
      if (data.includes('broken')) throw new Error('it cannot be shown')
      return undefined
    },
  }
  const terminal = { _core: { _inputHandler: handler, _viewport: viewport } }
  drawFloodsSeldom(terminal as unknown as Terminal, () => false)
  handler.parse('one\ntwo\nthree')
  expect(moved).toHaveBeenCalledTimes(1)
  moved.mockClear()
  expect(() => handler.parse('a\nbroken')).toThrow('it cannot be shown')
  expect(moved).toHaveBeenCalledTimes(1)
  moved.mockClear()
  viewport._sync()
  viewport._sync(7)
  expect(moved.mock.calls).toEqual([[undefined], [7]])
})
