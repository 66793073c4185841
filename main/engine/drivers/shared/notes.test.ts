import { describe, expect, it } from 'vitest'
import { activityText, readAgentStop } from '#contract'
import { readNotes, writeNotes } from './notes'

describe('notes', () => {
  const idle = { minutes: 30, whileClosed: true, keepUntil: 1_700_000_000_000 }
  const lastStop = { at: 1_700_000_000_000, reason: 'Stopped by Berth after 30 minutes without activity' }

  it('are read as they were written; null takes one away and what is left out stays', () => {
    const written = writeNotes({ idle, lastStop }) as Record<string, string>
    expect(readNotes(written)).toEqual({ idle, lastStop })
    expect(writeNotes({ idle: null })).toEqual({ 'berth.dev/idle': null })
    expect(writeNotes({})).toEqual({})
  })

  it.each([
    [undefined],
    [null],
    [{}],
    [{ 'berth.dev/idle': 'soon', 'berth.dev/last-stop': '{' }],
    [{ 'berth.dev/idle': '{"minutes":0,"whileClosed":true}' }],
    [{ 'berth.dev/idle': '{"minutes":30}', 'berth.dev/last-stop': 'null' }],
    [{ 'berth.dev/last-stop': JSON.stringify({ at: 1, reason: 'x'.repeat(501) }) }],
  ])('are none where they cannot be understood: %j', (from) => {
    expect(readNotes(from)).toEqual({})
  })
})

describe("the agent's word", () => {
  const told = { berth: 'idle', at: 5, after: 1_800_000, last: { reason: 'input', what: 'vim', at: 1 } }

  it('says why it ended the workspace', () => {
    expect(readAgentStop(JSON.stringify(told))).toEqual({
      at: 5,
      reason: 'Stopped by Berth after 30 minutes without activity; last: typed in vim',
    })
  })

  it.each([
    undefined,
    '',
    'Killed',
    '{}',
    'null',
    '[]',
    '"idle"',
    JSON.stringify({ ...told, berth: 'other' }),
    JSON.stringify({ ...told, at: 'now' }),
    JSON.stringify({ ...told, after: null }),
  ])('is not there in %j', (text) => {
    expect(readAgentStop(text)).toBeUndefined()
  })

  it('is bounded, whatever a workspace writes', () => {
    const long = JSON.stringify({ ...told, last: { reason: 'input', what: 'x'.repeat(4000) } })
    expect(readAgentStop(long)?.reason.length).toBeLessThanOrEqual(500)
    expect(readAgentStop(JSON.stringify({ ...told, last: { reason: 7, what: {} } }))?.reason).toMatch(
      /last: started$/,
    )
  })

  it('has words for every kind of activity', () => {
    const kinds = ['began', 'input', 'output', 'traffic', 'ssh', 'processor', 'command', 'files', 'action']
    const words = kinds.flatMap((kind) => [activityText(kind, ''), activityText(kind, 'make')])
    for (const word of words) expect(word).toMatch(/^\S.*[^.]$/)
  })
})
