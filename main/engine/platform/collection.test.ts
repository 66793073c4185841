import { describe, expect, it } from 'vitest'
import { Collection, filterCollection, type RecordChange, Selection, waitFor } from './collection'

interface Item {
  readonly id: string
  readonly value: number
}

function recorded() {
  const collection = new Collection<Item>()
  const changes: RecordChange<Item>[] = []
  const stop = collection.onChange((change) => changes.push(change))
  return { collection, changes, stop }
}

describe('Collection', () => {
  it('numbers its changes without a gap', () => {
    const { collection, changes } = recorded()
    collection.set({ id: 'a', value: 1 })
    collection.patch('a', { value: 2 })
    collection.delete('a')
    expect(changes).toEqual([
      { version: 1, upserts: [{ id: 'a', value: 1 }], removes: [] },
      { version: 2, upserts: [{ id: 'a', value: 2 }], removes: [] },
      { version: 3, upserts: [], removes: ['a'] },
    ])
  })

  it('says nothing when nothing changed', () => {
    const { collection, changes } = recorded()
    const item = { id: 'a', value: 1 }
    collection.set(item)
    collection.set(item)
    collection.patch('b', { value: 2 })
    collection.delete('b')
    expect(changes).toHaveLength(1)
  })

  it('tells once of all that is changed together, as it is in the end', () => {
    const { collection, changes } = recorded()
    collection.set({ id: 'a', value: 1 })
    collection.set({ id: 'b', value: 1 })
    collection.together(() => {
      collection.set({ id: 'a', value: 2 })
      collection.patch('a', { value: 3 })
      collection.delete('b')
      collection.set({ id: 'c', value: 4 })
      collection.set({ id: 'd', value: 5 })
      collection.together(() => collection.delete('d'))
      expect(collection.get('a')).toEqual({ id: 'a', value: 3 })
      expect(changes).toHaveLength(2)
    })
    collection.together(() => undefined)
    expect(changes.slice(2)).toEqual([
      {
        version: 3,
        upserts: [
          { id: 'a', value: 3 },
          { id: 'c', value: 4 },
        ],
        removes: ['b'],
      },
    ])
  })

  it('tells of what was changed together before it broke', () => {
    const { collection, changes } = recorded()
    expect(() =>
      collection.together(() => {
        collection.set({ id: 'a', value: 1 })
        throw new Error('broken')
      }),
    ).toThrow('broken')
    collection.set({ id: 'b', value: 2 })
    expect(changes.map(({ upserts }) => upserts.map(({ id }) => id))).toEqual([['a'], ['b']])
  })

  it('stops telling a listener that went away, also while telling', () => {
    const collection = new Collection<Item>()
    const seen: string[] = []
    const stopFirst = collection.onChange(() => {
      seen.push('first')
      void stopFirst()
    })
    collection.onChange(() => seen.push('second'))
    collection.set({ id: 'a', value: 1 })
    collection.set({ id: 'a', value: 2 })
    expect(seen).toEqual(['first', 'second', 'second'])
  })
})

describe('filterCollection', () => {
  it('shows the named records only, and their changes only', () => {
    const collection = new Collection<Item>()
    const selection = new Selection()
    selection.add('a')
    const filtered = filterCollection(collection, selection)
    const changes: RecordChange<Item>[] = []
    filtered.onChange((change) => changes.push(change))
    collection.set({ id: 'b', value: 1 })
    collection.set({ id: 'a', value: 1 })
    collection.delete('b')
    collection.delete('a')
    expect(filtered.list()).toEqual([])
    expect(filtered.get('b')).toBeUndefined()
    expect(changes).toEqual([
      { version: 2, upserts: [{ id: 'a', value: 1 }], removes: [] },
      { version: 4, upserts: [], removes: ['a'] },
    ])
  })
})

describe('filterCollection while the selection grows', () => {
  it('shows a record from the moment on that it is selected', async () => {
    const collection = new Collection<Item>()
    const selection = new Selection()
    const filtered = filterCollection(collection, selection)
    const seen: string[] = []
    const stop = filtered.onChange(({ upserts }) => seen.push(...upserts.map(({ id }) => id)))
    collection.set({ id: 'a', value: 1 })
    expect(filtered.get('a')).toBeUndefined()
    selection.add('a')
    selection.add('a')
    expect(filtered.get('a')).toEqual({ id: 'a', value: 1 })
    selection.add('not there yet')
    await stop()
    collection.set({ id: 'a', value: 2 })
    expect(seen).toEqual(['a'])
  })
})

describe('waitFor', () => {
  it('resolves at once when it holds already, and later when it comes to hold', async () => {
    const collection = new Collection<Item>()
    collection.set({ id: 'a', value: 1 })
    await expect(waitFor(collection, 'a', (item) => item?.value === 1)).resolves.toEqual({
      id: 'a',
      value: 1,
    })
    const later = waitFor(collection, 'a', (item) => item === undefined)
    collection.delete('a')
    await expect(later).resolves.toBeUndefined()
  })

  it('rejects with the reason of the signal', async () => {
    const controller = new AbortController()
    const waiting = waitFor(new Collection<Item>(), 'a', (item) => item !== undefined, controller.signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})
