import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unzip } from './unzip'
import { type ZipEntry, zipOf } from './zip.test-helper'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-unzip-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const never = new AbortController().signal
const out = (path = '.') => join(folder, 'out', path)
async function unpack(
  entries: readonly ZipEntry[],
  limits = { entries: 100, bytes: 10_000 },
  signal = never,
) {
  writeFileSync(join(folder, 'x.zip'), zipOf(entries))
  await unzip(join(folder, 'x.zip'), out(), limits, signal)
}

const link = 0o120777

describe('an archive', () => {
  it('is unpacked with folders, modes and links', async () => {
    await unpack([
      { name: 'empty/', mode: 0o40755 },
      { name: 'a.txt', data: 'first' },
      { name: 'bin/run', data: '#!/bin/sh', mode: 0o100755 },
      { name: 'bin/also', data: 'run', mode: link },
    ])
    expect(readdirSync(out()).sort()).toEqual(['a.txt', 'bin', 'empty'])
    expect(readFileSync(out('a.txt'), 'utf8')).toBe('first')
    expect(statSync(out('bin/run')).mode & 0o777).toBe(0o755)
    expect(readlinkSync(out('bin/also'))).toBe('run')
  })

  it('loses the one folder that all of it lies in', async () => {
    await unpack([
      { name: 'app-main/' },
      { name: 'app-main/a.txt', data: '1' },
      { name: 'app-main/b/c', data: '2' },
    ])
    expect(readdirSync(out()).sort()).toEqual(['a.txt', 'b'])
  })

  it('writes nothing outside, and through no link', async () => {
    await expect(
      unpack([
        { name: 'a', data: '' },
        { name: '../out-of-it', data: 'x' },
      ]),
    ).rejects.toThrow(/relative path/)
    expect(existsSync(join(folder, 'out-of-it'))).toBe(false)
    await expect(unpack([{ name: '/etc/x', data: 'x' }])).rejects.toThrow(/absolute path/)
    rmSync(out(), { recursive: true, force: true })
    await unpack([
      { name: 'away', data: folder, mode: link },
      { name: 'up', data: '..', mode: link },
      { name: 'plain.txt', data: 'x' },
    ])
    expect(readdirSync(out())).toEqual(['plain.txt'])
    rmSync(out(), { recursive: true, force: true })
    await expect(
      unpack([
        { name: 'inside', data: 'other', mode: link },
        { name: 'inside/file', data: 'x' },
        { name: 'other/', mode: 0o40755 },
      ]),
    ).rejects.toThrow(/EEXIST/)
    expect(readdirSync(out('other'))).toEqual([])
  })

  it('is refused where it holds too much, or is none', async () => {
    await expect(unpack([{ name: 'bomb', data: Buffer.alloc(1_000_000) }])).rejects.toThrow('too large')
    const many = Array.from({ length: 101 }, (_, index) => ({ name: `f${index}` }))
    await expect(unpack(many)).rejects.toThrow('more than 100 files')
    writeFileSync(join(folder, 'x.zip'), 'no archive at all, whatever its name is')
    await expect(unzip(join(folder, 'x.zip'), out(), { entries: 1, bytes: 1 }, never)).rejects.toThrow(
      /End of central/,
    )
  })

  it('is given up where nobody wants it any more', async () => {
    await expect(unpack([{ name: 'a', data: 'x' }], undefined, AbortSignal.abort())).rejects.toThrow(/abort/)
  })
})
