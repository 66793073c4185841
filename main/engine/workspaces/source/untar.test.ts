import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { untar } from './untar'

let top: string

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'berth-untar-'))
})

afterEach(() => rmSync(top, { recursive: true, force: true }))

it('makes nothing where a link of the archive leads', async () => {
  const tar = pack()
  tar.entry({ name: 'app/', type: 'directory' })
  tar.entry({ name: 'app/out', type: 'symlink', linkname: top })
  tar.entry({ name: 'app/out/link', type: 'symlink', linkname: '/etc/passwd' })
  tar.entry({ name: 'app/out/deep/er/link', type: 'symlink', linkname: '/etc/passwd' })
  tar.entry({ name: 'app/out/file' }, 'hunter2')
  tar.entry({ name: 'app/../../file' }, 'hunter2')
  tar.entry({ name: 'app/device', type: 'character-device', devmajor: 1, devminor: 5 })
  tar.entry({ name: 'app/fine', type: 'symlink', linkname: 'out/file' })
  tar.finalize()
  const folder = join(top, 'new')
  await untar(tar, folder)
  expect(readdirSync(top)).toEqual(['new'])
  expect(readdirSync(folder).sort()).toEqual(['fine', 'out'])
  expect(readFileSync(join(folder, 'fine'), 'utf8')).toBe('hunter2')
  expect(readlinkSync(join(folder, 'out', 'deep', 'er', 'link'))).toBe('/etc/passwd')
  expect(existsSync(join(top, 'link'))).toBe(false)
})

it('fails with what breaks before there is a folder for it', async () => {
  const tar = new PassThrough()
  const over = untar(tar, join(top, 'new'))
  tar.destroy(new Error('lost'))
  await expect(over).rejects.toThrow('lost')
})
