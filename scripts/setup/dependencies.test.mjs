import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { areCurrent } from './dependencies.mjs'

/** @type {string} */
let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-dependencies-'))
  mkdirSync(join(folder, 'node_modules'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** @param {object} wanted @param {object} [installed] */
function state(wanted, installed) {
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }))
  if (installed) {
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }))
  }
  return areCurrent(folder)
}

const a = { 'node_modules/a': { version: '1.0.0' } }
const otherPlatform = { 'node_modules/b': { version: '1.0.0', optional: true } }

it('takes an installation that is as the lock says', () => expect(state(a, a)).toBe(true))
it('does without what is for another platform', () => expect(state({ ...a, ...otherPlatform }, a)).toBe(true))
it('sees that nothing is installed', () => expect(state(a)).toBe(false))
it('sees that a package is missing', () => expect(state(a, {})).toBe(false))
it('sees another version', () => expect(state(a, { 'node_modules/a': { version: '1.0.1' } })).toBe(false))
it('sees what the lock no longer names', () =>
  expect(state(a, { ...a, 'node_modules/c': { version: '1.0.0' } })).toBe(false))
it('sees an installation that broke off', () => {
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), '{"packages":')
  expect(state(a)).toBe(false)
})
