import { describe, expect, it } from 'vitest'
import type { Operation, Step } from '#contract'
import { OutputLines, progressText, timelineLines } from './timeline'

const steps: Step[] = [
  { id: 'image', title: 'Pull image', state: 'done', startedAt: 0, endedAt: 2_000 },
  {
    id: 'clone',
    title: 'Clone',
    state: 'running',
    detail: 'receiving\nobjects',
    progress: { current: 5_000_000, total: 10_000_000, unit: 'bytes' },
    startedAt: 2_000,
  },
  { id: 'start', title: 'Start', state: 'pending' },
]
const operation: Operation = {
  id: 'o1',
  kind: 'create',
  workspaceId: 'aaaaaaaaaa',
  workspaceName: 'demo',
  targetId: 'docker:default',
  state: 'running',
  cancelling: false,
  steps,
  startedAt: 0,
}
const plain = { now: 3_000, columns: 80, color: false, tail: () => [] }

describe('timelineLines', () => {
  it('shows what was done and what is under way, and not what is to come', () => {
    expect(timelineLines(operation, plain)).toEqual([
      '✓ Pull image 2.0 s',
      '⠋ Clone · 5.0 MB of 10.0 MB (50 %) · receiving objects 1.0 s',
    ])
  })

  it('keeps every line within the terminal', () => {
    const lines = timelineLines(operation, { ...plain, columns: 30, tail: () => ['x'.repeat(200)] })
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(30)
  })

  it('says that it is taking things back', () => {
    const lines = timelineLines({ ...operation, cancelling: true }, plain)
    expect(lines[lines.length - 1]).toContain('taking back')
  })
})

describe('OutputLines', () => {
  it('joins pieces, and lets a carriage return start the line again', () => {
    const lines = new OutputLines(10)
    expect(lines.add('10 %\r50 %\r')).toEqual([])
    expect(lines.tail(5)).toEqual(['50 %'])
    expect(lines.add('100 %\nnext')).toEqual(['100 %'])
    expect(lines.tail(5)).toEqual(['100 %', 'next'])
    expect(lines.flush()).toEqual(['next'])
    expect(lines.flush()).toEqual([])
  })

  it('keeps the newest lines, without what drives a terminal', () => {
    const lines = new OutputLines(2)
    lines.add('a\nb\r\n\u001b[2Jc\n')
    expect(lines.tail(10)).toEqual(['b', 'c'])
  })
})

describe('progressText', () => {
  it('has the unit that it is counted in', () => {
    expect(progressText({ current: 41.6, unit: 'percent' })).toBe('42 %')
    expect(progressText({ current: 2000, unit: 'bytes' })).toBe('2.0 kB')
    expect(progressText({ current: 2, total: 7, unit: 'count' })).toBe('2 of 7')
  })
})
