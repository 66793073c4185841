import { describe, expect, it } from 'vitest'
import { survivalLines } from './confirm'

describe('survivalLines', () => {
  it('names what is kept, what is lost, and work that exists nowhere else', () => {
    expect(
      survivalLines({
        kept: [{ what: 'Source', path: '/workspaces/demo' }],
        lost: [{ what: 'Running processes' }],
        unsaved: [
          { repository: '/workspaces/demo', uncommitted: 1, untracked: 2, unpushed: 0, stashed: 2 },
          { repository: '/workspaces/clean', uncommitted: 0, untracked: 0, unpushed: 0, stashed: 0 },
        ],
        unsavedKnown: true,
      }),
    ).toEqual([
      'Kept: Source (/workspaces/demo)',
      'Lost: Running processes',
      'Exists nowhere else: /workspaces/demo has 1 uncommitted change, 2 untracked files, 2 stashes',
    ])
  })

  it('says when it does not know', () => {
    expect(survivalLines({ kept: [], lost: [], unsaved: [], unsavedKnown: false })).toHaveLength(1)
  })
})
