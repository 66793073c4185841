import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { unzip } from './zip.mjs'

/** @type {string} */
let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-zip-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** @param {{ name: string, text: string, mode?: number, stored?: boolean, checksum?: number }[]} files */
function archiveOf(files) {
  /** @type {Buffer[]} */
  const parts = []
  /** @type {Buffer[]} */
  const directory = []
  let offset = 0
  for (const { name, text, mode = 0o100644, stored = false, checksum } of files) {
    const raw = Buffer.from(text)
    const data = stored ? raw : deflateRawSync(raw)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(Buffer.byteLength(name), 26)
    parts.push(local, Buffer.from(name), data)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(stored ? 0 : 8, 10)
    central.writeUInt32LE(checksum ?? crc32(raw), 16)
    central.writeUInt32LE(data.length, 20)
    central.writeUInt32LE(raw.length, 24)
    central.writeUInt16LE(Buffer.byteLength(name), 28)
    central.writeUInt32LE((mode << 16) >>> 0, 38)
    central.writeUInt32LE(offset, 42)
    directory.push(central, Buffer.from(name))
    offset += 30 + Buffer.byteLength(name) + data.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(offset, 16)
  const path = join(folder, 'archive.zip')
  writeFileSync(path, Buffer.concat([...parts, listed, end]))
  return path
}

it('unpacks files with their permissions, links and empty files', async () => {
  const archive = archiveOf([
    { name: 'a/run', text: '#!/bin/sh\necho ran\n', mode: 0o100755 },
    { name: 'a/stored', text: 'as it is', stored: true },
    { name: 'a/empty', text: '', stored: true },
    { name: 'a/link', text: 'run', mode: 0o120777, stored: true },
    { name: 'skipped', text: 'x' },
  ])
  const out = join(folder, 'out')
  await unzip(archive, out, (name) => (name === 'skipped' ? undefined : name.slice(2)))
  expect(execFileSync(join(out, 'run'), { encoding: 'utf8' })).toBe('ran\n')
  expect(readFileSync(join(out, 'stored'), 'utf8')).toBe('as it is')
  expect(readFileSync(join(out, 'empty'), 'utf8')).toBe('')
  expect(readlinkSync(join(out, 'link'))).toBe('run')
  expect(lstatSync(join(out, 'skipped'), { throwIfNoEntry: false })).toBeUndefined()
})

it('refuses contents that differ from their checksum', async () => {
  const archive = archiveOf([{ name: 'a', text: 'text', checksum: 1 }])
  await expect(unzip(archive, join(folder, 'out'))).rejects.toThrow('a: broken')
})

it('refuses paths that lead out of the folder', async () => {
  const archive = archiveOf([{ name: '../out-of-it', text: 'text' }])
  await expect(unzip(archive, join(folder, 'out'))).rejects.toThrow('leads out')
})

it('refuses what is no archive', async () => {
  const path = join(folder, 'text')
  writeFileSync(path, 'just text')
  await expect(unzip(path, join(folder, 'out'))).rejects.toThrow('not a zip archive')
})
