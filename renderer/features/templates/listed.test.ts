import { describe, expect, it } from 'vitest'
import type { TemplateSource } from '#contract'
import { folderNameFault, joinPath, listTemplates, optionLabel, withStar } from './listed'

const template = (id: string, name: string) => ({
  id,
  name,
  description: '',
  version: '1.0.0',
  keywords: [],
  options: {},
  optionalPaths: [],
})
const source = (key: string, ...names: string[]): TemplateSource => ({
  key,
  name: key,
  templates: names.map((name) => template(name.toLowerCase(), name)),
  faulty: [],
})
const sources = [source('bundled', 'Rust', 'Go'), source('https://x/y', 'Go', 'Ada')]
const idsOf = (favourites: { repository: string; id: string }[], words = '') =>
  listTemplates(sources, favourites, words).map(({ reference }) => `${reference.repository}/${reference.id}`)

describe('the gallery', () => {
  it('has favourites first, then sources in their order', () => {
    expect(idsOf([])).toEqual(['bundled/go', 'bundled/rust', 'https://x/y/ada', 'https://x/y/go'])
    expect(idsOf([{ repository: 'https://x/y', id: 'go' }])[0]).toBe('https://x/y/go')
    expect(idsOf([{ repository: 'gone', id: 'go' }], 'go')).toEqual(['bundled/go', 'https://x/y/go'])
  })
  it('has a star that can be taken back, of the same name in one place only', () => {
    const one = { repository: 'bundled', id: 'go' }
    const other = { repository: 'https://x/y', id: 'go' }
    expect(withStar([one], other)).toEqual([one, other])
    expect(withStar([one, other], one)).toEqual([other])
  })
})

it.each([
  ['nodeVersion', 'Node version'],
  ['image_variant', 'Image variant'],
  ['upgradePackages', 'Upgrade packages'],
  ['port', 'Port'],
])('%s is shown as %s', (name, label) => expect(optionLabel(name)).toBe(label))

it('joins paths as the machine writes them', () => {
  expect(joinPath('~/projects/', 'app')).toBe('~/projects/app')
  expect(joinPath('C:\\Users\\ada', 'app')).toBe('C:\\Users\\ada\\app')
})

it.each(['', ' ', '..', 'a/b', 'a:b'])('takes no folder of the name “%s”', (name) =>
  expect(folderNameFault(name)).toBeDefined(),
)
