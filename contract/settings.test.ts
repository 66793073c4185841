import { expect, test } from 'vitest'
import { SettingsChange } from './settings'

test('a change says nothing of the fields that it leaves out', () => {
  expect(SettingsChange.parse({ theme: 'dark' })).toStrictEqual({ theme: 'dark' })
  expect(SettingsChange.parse({})).toStrictEqual({})
})

test('the default target can be taken back', () => {
  const change = SettingsChange.parse({ defaultTarget: undefined })
  expect(Object.keys(change)).toStrictEqual(['defaultTarget'])
})
