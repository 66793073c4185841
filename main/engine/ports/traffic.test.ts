import { expect, it } from 'vitest'
import { noActivity } from '../link/link'
import { trafficTo } from './traffic'

function open() {
  let now = 0
  const marks: string[] = []
  const activity = {
    ...noActivity,
    mark: (reason: string, what = '') => void marks.push(`${reason} ${what}`),
  }
  const carried = trafficTo(activity, 3000, { now: () => now, sleep: () => Promise.resolve() })
  return {
    marks,
    carry: (bytes: number, fromClient: boolean, later = 0) => {
      now += later
      carried(bytes, fromClient)
    },
  }
}

it('counts the first that a client sends, and what is more than a sign of life', () => {
  const { carry, marks } = open()
  carry(1, true)
  expect(marks).toEqual(['traffic 3000'])
  carry(4096, false, 1_000)
  expect(marks).toHaveLength(2)
})

it('counts no signs of life, nor a server that speaks to nobody', () => {
  const { carry, marks } = open()
  carry(100, false)
  expect(marks).toEqual([])
  carry(1, true)
  for (let beat = 0; beat < 100; beat += 1) {
    carry(20, true, 5_000)
    carry(20, false)
  }
  expect(marks).toEqual(['traffic 3000'])
})
