import { expect, test } from 'vitest'
import { WorkspaceName } from '#contract/workspace'
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatProgress,
  formatSource,
  nameFault,
  progressFraction,
  sortedByName,
  sourceText,
  sourceWebAddress,
} from './format'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [999.6, '1.0 KB'],
  [1000, '1.0 KB'],
  [9_949, '9.9 KB'],
  [9_990, '10 KB'],
  [812_345, '812 KB'],
  [999_600, '1.0 MB'],
  [1_440_000_000, '1.4 GB'],
  [5e16, '50000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test.each([
  [0, '0.0 s'],
  [420, '0.4 s'],
  [9_960, '10 s'],
  [59_600, '1 min'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
  [3 * 86_400_000, '3 d'],
  [-5, '0.0 s'],
])('%d ms last %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text)
})

test.each([
  [10, 'just now'],
  [60, '1 min ago'],
  [50 * 60, '1 h ago'],
  [30 * 3600, '30 h ago'],
  [40 * 3600, '2 d ago'],
])('%d s ago is %s', (seconds, text) => {
  expect(formatAgo(0, seconds * 1000)).toBe(text)
})

test('progress is told with its unit, and as a share where its end is known', () => {
  expect(formatProgress({ current: 12_400_000, total: 80_000_000, unit: 'bytes' })).toBe('12 MB of 80 MB')
  expect(formatProgress({ current: 44.6, unit: 'percent' })).toBe('45 %')
  expect(formatProgress({ current: 3, total: 7, unit: 'count' })).toBe('3 of 7')
  expect(progressFraction({ current: 3, total: 4, unit: 'count' })).toBe(0.75)
  expect(progressFraction({ current: 50, unit: 'percent' })).toBe(0.5)
  expect(progressFraction({ current: 9, total: 4, unit: 'bytes' })).toBe(1)
  expect(progressFraction({ current: 9, unit: 'bytes' })).toBeUndefined()
  expect(progressFraction({ current: 0, total: 0, unit: 'bytes' })).toBeUndefined()
})

test.each([
  ['https://github.com/owner/repo.git', 'github.com/owner/repo', 'https://github.com/owner/repo'],
  ['git@gitlab.com:group/sub/repo.git', 'gitlab.com/group/sub/repo', 'https://gitlab.com/group/sub/repo'],
  ['ssh://git@host/owner/repo', 'host/owner/repo', 'https://host/owner/repo'],
  ['file:///srv/git/repo', '/srv/git/repo', undefined],
])('%s is shown as %s and opens %s', (url, text, web) => {
  const source = { kind: 'git', url } as const
  expect(formatSource(source)).toBe(text)
  expect(sourceWebAddress(source)).toBe(web)
})

test('a ref is shown after its source, a commit shortened', () => {
  const url = 'https://h/o/r'
  expect(formatSource({ kind: 'git', url, ref: { kind: 'branch', name: 'main' } })).toBe('h/o/r @ main')
  const id = '0123456789abcdef0123456789abcdef01234567'
  expect(formatSource({ kind: 'git', url, ref: { kind: 'commit', id } })).toBe('h/o/r @ 0123456789')
})

const names = [
  'a',
  'a1',
  '1a',
  'a-b',
  '',
  '-a',
  'a-',
  'A',
  'a_b',
  'ä',
  'a b',
  'a.b',
  'x'.repeat(40),
  'x'.repeat(41),
]
test.each(names)('the name “%s” is judged as the contract does', (name) => {
  expect(nameFault(name) === undefined).toBe(WorkspaceName.safeParse(name).success)
})

test('a source can be typed again as it was', () => {
  const git = { kind: 'git', url: 'https://example.com/a/b' } as const
  expect(sourceText(git)).toBe('https://example.com/a/b')
  expect(sourceText({ ...git, ref: { kind: 'branch', name: 'main' } })).toBe('https://example.com/a/b#main')
  expect(sourceText({ ...git, ref: { kind: 'commit', id: '0123456789abcdef' } })).toBe(
    'https://example.com/a/b@0123456789abcdef',
  )
  expect(sourceText({ kind: 'folder', path: '/src/a' })).toBe('/src/a')
})

test('names are ordered as people count', () => {
  const names = ['app-10', 'Zebra', 'app-2', 'émile', 'app', 'app-0003-2', 'app-3-11', 'zoo', 'element']
  expect(sortedByName(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([
    'app',
    'app-2',
    'app-0003-2',
    'app-3-11',
    'app-10',
    'element',
    'émile',
    'Zebra',
    'zoo',
  ])
})
