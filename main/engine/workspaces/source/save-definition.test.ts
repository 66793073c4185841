import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createNodePlatform } from '../../platform/node'
import { saveDefinition } from './save-definition'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-save-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const save = (text: string, replace = false, into = folder) =>
  saveDefinition(
    createNodePlatform({ version: '0.0.0', resources: folder, env: { HOME: join(folder, 'home') } }),
    into,
    text,
    replace,
  )
const file = () => join(folder, '.devcontainer', 'devcontainer.json')

test('writes the text as it is, and replaces what is there only when told to', async () => {
  await save('{"image": "a"} // mine\n')
  expect(readFileSync(file(), 'utf8')).toBe('{"image": "a"} // mine\n')
  await expect(save('{"image": "b"}')).rejects.toMatchObject({ problem: { code: 'file-exists' } })
  expect(readFileSync(file(), 'utf8')).toContain('"a"')
  await save('{"image": "b"}', true)
  expect(readFileSync(file(), 'utf8')).toBe('{"image": "b"}')
  expect(readdirSync(join(folder, '.devcontainer'))).toEqual(['devcontainer.json'])
})

test('writes nothing that cannot be read', async () => {
  await expect(save('{"image": 5}')).rejects.toMatchObject({ problem: { code: 'definition-invalid' } })
  expect(readdirSync(folder)).toEqual([])
})

test('follows no link, and makes no folder that is not there', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'berth-elsewhere-'))
  try {
    symlinkSync(elsewhere, join(folder, '.devcontainer'))
    // Reading refuses it before anything is written.
    await expect(save('{"image": "a"}')).rejects.toMatchObject({ problem: { code: 'definition-invalid' } })
    rmSync(join(folder, '.devcontainer'))
    mkdirSync(join(folder, '.devcontainer'))
    writeFileSync(join(elsewhere, 'x'), 'theirs')
    symlinkSync(join(elsewhere, 'x'), file())
    await expect(save('{"image": "a"}', true)).rejects.toMatchObject({ problem: { code: 'file-exists' } })
    expect(readFileSync(join(elsewhere, 'x'), 'utf8')).toBe('theirs')
    expect(readdirSync(elsewhere)).toEqual(['x'])
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
  await expect(save('{"image": "a"}', false, join(folder, 'none'))).rejects.toMatchObject({
    problem: { code: 'folder-not-found' },
  })
})
