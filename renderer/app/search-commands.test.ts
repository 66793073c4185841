import { expect, test } from 'vitest'
import type { Command } from '../lib/commands'
import { searchCommands } from './search-commands'

const command = (title: string, fields: Partial<Command> = {}): Command => ({
  id: title,
  title,
  group: 'General',
  run: () => undefined,
  ...fields,
})
const commands = [
  command('New workspace', { words: 'create clone' }),
  command('Next workspace'),
  command('billing-service'),
  command('Bill'),
  command('Targets'),
  command('Hidden thing', { hidden: true }),
]
const found = (query: string) => searchCommands(commands, query).map((one) => one.title)

test('without a query everything on offer, in its order', () => {
  expect(found('  ')).toEqual(['New workspace', 'Next workspace', 'billing-service', 'Bill', 'Targets'])
})

test('beginnings of titles come before beginnings of words, words before the rest', () => {
  expect(found('service')).toEqual(['billing-service'])
  expect(found('work')[0]).toBe('New workspace')
  expect(found('create')).toEqual(['New workspace'])
})

test('letters in order find too', () => {
  expect(found('nxt')).toEqual(['Next workspace'])
})

test('what is typed is no pattern', () => {
  expect(found('(')).toEqual([])
  expect(found('.*')).toEqual([])
})

test('what is hidden is not found', () => {
  expect(found('hidden')).toEqual([])
})
