import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseWindowState, placeWindow, readWindowState, writeWindowState } from './window-state'

const display = { x: 0, y: 0, width: 1920, height: 1080 }
const left = { x: -1600, y: 100, width: 1600, height: 900 }

describe('placeWindow', () => {
  it('opens where the window was, on any display', () => {
    const here = { x: 200, y: 100, width: 1000, height: 700 }
    expect(placeWindow(here, [display])).toEqual(here)
    const there = { x: -1500, y: 150, width: 1000, height: 700 }
    expect(placeWindow(there, [display, left])).toEqual(there)
  })

  it.each([
    ['its display is gone', { x: -1500, y: 150, width: 1000, height: 700 }],
    ['it is above the display', { x: 100, y: -200, width: 1000, height: 700 }],
    ['only a sliver of it is left', { x: 1900, y: 100, width: 1000, height: 700 }],
    ['it is below the display', { x: 100, y: 1070, width: 1000, height: 700 }],
  ])('opens centred when %s', (_why, bounds) => {
    const place = placeWindow(bounds, [display])
    expect(place).toEqual({ width: 1280, height: 820 })
  })

  it('is no larger than its display and no smaller than the layout', () => {
    expect(placeWindow({ x: 0, y: 0, width: 9000, height: 9000 }, [display])).toMatchObject({
      width: 1920,
      height: 1080,
    })
    expect(placeWindow({ x: 0, y: 0, width: 300, height: 100 }, [display])).toMatchObject({
      width: 900,
      height: 560,
    })
    expect(placeWindow(undefined, [{ x: 0, y: 0, width: 1024, height: 600 }])).toEqual({
      width: 1024,
      height: 600,
    })
  })
})

describe('the window state file', () => {
  it('takes whatever is odd for never written', () => {
    const fresh = { maximized: false, theme: 'system' }
    for (const odd of [null, 7, [], {}, { bounds: 'x', maximized: 'yes', theme: 'blue' }])
      expect(parseWindowState(odd)).toEqual(fresh)
    expect(parseWindowState({ bounds: { x: 0, y: 0, width: 1e300, height: 5 } })).toEqual(fresh)
    expect(parseWindowState({ bounds: { x: 0, y: 0, width: -5, height: 5 } })).toEqual(fresh)
  })

  it('reads what it wrote, and survives a file that is not JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-window-'))
    try {
      const path = join(folder, 'new', 'window.json')
      const state = { bounds: { x: 1, y: 2, width: 3, height: 4 }, maximized: true, theme: 'dark' } as const
      await writeWindowState(path, state)
      expect(readWindowState(path)).toEqual(state)
      await writeFile(path, '{"maximized": tr')
      expect(readWindowState(path)).toEqual({ maximized: false, theme: 'system' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
