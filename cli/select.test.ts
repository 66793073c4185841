import { describe, expect, it } from 'vitest'
import { imageDefinition, type Target, type Workspace } from '#contract'
import { findTarget, matchWorkspace, targetLabel } from './select'

const targets: Target[] = ['docker:default', 'docker:far', 'kubernetes:far/dev'].map((id) => ({
  id,
  kind: id.startsWith('docker') ? 'docker' : 'kubernetes',
  name: id.slice(id.indexOf(':') + 1),
  endpoint: '',
  isDefault: id === 'docker:default',
  state: 'ready',
}))

function workspace(id: string, name: string, targetId = 'docker:default'): Workspace {
  return {
    id,
    name,
    targetId,
    state: 'running',
    reason: 'Started',
    source: { kind: 'image', image: 'debian' },
    definition: imageDefinition('debian', 'x'),
    image: 'debian',
    user: { name: 'root', uid: 0, gid: 0, home: '/root' },
    owner: 'me',
    createdAt: 0,
  }
}

const all = [
  workspace('aaaaaaaaaa', 'api'),
  workspace('bbbbbbbbbb', 'api-next'),
  workspace('cccccccccc', 'web'),
  workspace('dddddddddd', 'web', 'docker:far'),
  workspace('eeeeeeeeee', 'webapp', 'kubernetes:far/dev'),
]

/** The ids that a text matches. */
function ids(text: string): string[] {
  const match = matchWorkspace(text, all, targets)
  if (match.kind === 'none') return []
  return match.kind === 'one' ? [match.workspace.id] : match.workspaces.map(({ id }) => id)
}

describe('matchWorkspace', () => {
  it.each([
    ['a whole id', 'cccccccccc', ['cccccccccc']],
    ['a name before longer names that begin with it', 'api', ['aaaaaaaaaa']],
    ['a beginning of one name', 'api-', ['bbbbbbbbbb']],
    ['a beginning of an id', 'ddd', ['dddddddddd']],
    ['a name on two targets', 'web', ['cccccccccc', 'dddddddddd']],
    ['a target and a name', 'far/web', ['dddddddddd']],
    ['a target by id', 'docker:default/web', ['cccccccccc']],
    ['a target with a slash in its name', 'far/dev/web', ['eeeeeeeeee']],
    ['a beginning of several names', 'w', ['cccccccccc', 'dddddddddd', 'eeeeeeeeee']],
    ['nothing of that name', 'db', []],
    ['nothing at all', '', []],
    ['a target that is not there', 'near/web', []],
  ])('finds %s', (_what, text, expected) => expect(ids(text)).toEqual(expected))

  it('is certain of ids and of names with a target only', () => {
    expect(matchWorkspace('cccccccccc', all, targets)).toMatchObject({ certain: true })
    expect(matchWorkspace('far/web', all, targets)).toMatchObject({ certain: true })
    expect(matchWorkspace('api', all, targets)).toMatchObject({ certain: false })
  })
})

describe('targets', () => {
  it('are found by id or name', () => {
    expect(findTarget('far', targets).id).toBe('docker:far')
    expect(findTarget('kubernetes:far/dev', targets).id).toBe('kubernetes:far/dev')
    expect(() => findTarget('near', targets)).toThrow(/near/)
  })

  it('are called by name, and by id where two share a name', () => {
    expect(targetLabel('docker:far', targets)).toBe('far')
    const twins = [...targets, { ...targets[1], id: 'docker:other' } as Target]
    expect(targetLabel('docker:far', twins)).toBe('docker:far')
    expect(() => findTarget('far', twins)).toThrow()
  })
})
