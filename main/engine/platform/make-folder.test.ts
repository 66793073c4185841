import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from './make-folder'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-make-folder-'))
})
afterEach(() => rmSync(root, { recursive: true }))

it('makes what is missing, with the mode asked for, and is content with what is there', async () => {
  const path = join(root, 'a', 'b', 'c')
  await Promise.all([makeFolder(path, 0o700), makeFolder(path, 0o700)])
  expect(statSync(path).mode & 0o777).toBe(0o700)
  await makeFolder(path)
  await makeFolder('/')
})

it('fails where a file is in the way', async () => {
  writeFileSync(join(root, 'file'), '')
  await expect(makeFolder(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

it.skipIf(!existsSync('/proc/self'))('fails where the system lets nobody make one (Linux only)', async () => {
  await expect(makeFolder('/proc/berth/state/locks')).rejects.toMatchObject({ code: 'ENOENT' })
})
