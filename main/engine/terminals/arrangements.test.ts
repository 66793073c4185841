import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Platform } from '../platform/platform'
import { createArrangements } from './arrangements'

const never = new AbortController().signal
let folder: string
let warnings: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-tabs-'))
  warnings = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (state = join(folder, 'state')) =>
  createArrangements({
    folders: { state },
    logger: { warn: (message: string) => void warnings.push(message) },
  } as unknown as Platform)
const idOf = (number: number) => `w${String(number).padStart(9, '0')}`

describe('the arrangement of terminals', () => {
  it('is there for the next process, part by part, once it was answered', async () => {
    const first = open()
    await first.arrange({ workspaceId: idOf(1), front: 'b' }, never)
    await first.arrange({ workspaceId: idOf(1), order: ['b', 'a'] }, never)
    await first.arrange({ workspaceId: idOf(2), order: ['c'] }, never)
    expect(open().records.list()).toEqual([
      { id: idOf(1), front: 'b', order: ['b', 'a'] },
      { id: idOf(2), order: ['c'] },
    ])
  })

  it('has what tabs hold that are split, and what was kept before there were splits', async () => {
    const split = {
      direction: 'column' as const,
      parts: [
        { share: 0.25, pane: 'a' },
        { share: 0.75, pane: 'b' },
      ],
    }
    const first = open()
    await first.arrange({ workspaceId: idOf(1), front: 'b', order: ['a', 'b'] }, never)
    const old = readFileSync(join(folder, 'state', 'tabs.json'), 'utf8')
    await first.arrange({ workspaceId: idOf(1), order: ['a', 'b', 'c'], splits: [split] }, never)
    await first.arrange({ workspaceId: idOf(1), front: 'c' }, never)
    expect(open().records.list()).toEqual([
      { id: idOf(1), front: 'c', order: ['a', 'b', 'c'], splits: [split] },
    ])
    writeFileSync(join(folder, 'state', 'tabs.json'), old)
    expect(open().records.list()).toEqual([{ id: idOf(1), front: 'b', order: ['a', 'b'] }])
    expect(warnings).toEqual([])
  })

  it('is that of the last of many changes at once', async () => {
    const { arrange } = open()
    const fronts = Array.from({ length: 50 }, (_, number) => `s${number}`)
    await Promise.all(fronts.map((front) => arrange({ workspaceId: idOf(1), front }, never)))
    expect(open().records.get(idOf(1))?.front).toBe('s49')
  })

  it('is remembered of the hundred workspaces that were touched last', async () => {
    const { arrange } = open()
    for (let number = 0; number < 100; number++)
      await arrange({ workspaceId: idOf(number), front: 'a' }, never)
    await arrange({ workspaceId: idOf(0), front: 'b' }, never)
    await arrange({ workspaceId: idOf(100), front: 'a' }, never)
    const ids = open()
      .records.list()
      .map(({ id }) => id)
    expect(ids).toHaveLength(100)
    expect(ids).toContain(idOf(0))
    expect(ids).not.toContain(idOf(1))
  })

  it('begins anew where the file cannot be understood, and holds where it cannot be written', async () => {
    const state = join(folder, 'state')
    await open().arrange({ workspaceId: idOf(1), front: 'a' }, never)
    for (const odd of ['', 'x', '7', 'null', '{"version":1}', '{"version":1,"arrangements":[{"id":7}]}']) {
      writeFileSync(join(state, 'tabs.json'), odd)
      expect(open().records.list()).toEqual([])
    }
    expect(new Set(warnings)).toEqual(new Set(['The order of terminals cannot be read']))
    writeFileSync(join(folder, 'file'), 'no folder')
    const blocked = open(join(folder, 'file'))
    await blocked.arrange({ workspaceId: idOf(1), front: 'a' }, never)
    expect(blocked.records.get(idOf(1))?.front).toBe('a')
    expect(warnings.at(-1)).toBe('The order of terminals could not be written')
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('no folder')
  })
})
