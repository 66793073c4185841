import {
  chmod,
  link as hardLink,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Headers, pack as tarPack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { extract } from './extract'
import { pack } from './pack'
import { readableOf } from './streams'
import type { Tally } from './tally'
import { entryPath } from './writer'

class Counts implements Tally {
  files = 0
  bytes = 0
  readonly skipped: { readonly path: string; readonly reason: string }[] = []

  addFile(): void {
    this.files += 1
  }
  addBytes(count: number): void {
    this.bytes += count
  }
  skip(path: string, reason: string): void {
    this.skipped.push({ path, reason })
  }
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-copy-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const forever = new AbortController().signal

/** An archive as a hostile workspace may send it. */
function archive(entries: readonly (Headers & { content?: string })[]) {
  const tar = tarPack()
  for (const { content, ...header } of entries) {
    if (content === undefined) tar.entry(header)
    else tar.entry(header, content)
  }
  tar.finalize()
  return readableOf(tar)
}

describe('pack and extract', () => {
  it('keep bytes, modes, times and links', async () => {
    const source = join(folder, 'source')
    await mkdir(join(source, 'sub', 'empty'), { recursive: true })
    const content = Buffer.alloc(700_001, 'ä\u0000x')
    await writeFile(join(source, 'big.bin'), content)
    await writeFile(join(source, 'sub', 'run'), '#!/bin/sh\n')
    await writeFile(join(source, 'sub', 'none'), '')
    await chmod(join(source, 'sub', 'run'), 0o751)
    await symlink('../big.bin', join(source, 'sub', 'link'))
    await hardLink(join(source, 'big.bin'), join(source, 'sub', 'same'))
    const long = `${'long-name-'.repeat(20)}é`
    await writeFile(join(source, long), 'long')
    const time = new Date('2020-01-02T03:04:05Z')
    await utimes(join(source, 'sub', 'run'), time, time)
    await utimes(join(source, 'sub', 'empty'), time, time)
    await chmod(join(source, 'sub'), 0o555)

    const packed = new Counts()
    const unpacked = new Counts()
    const target = join(folder, 'target')
    await extract(pack(source, { name: 'any', uid: 1, gid: 2 }, packed), target, unpacked, forever)
    await chmod(join(source, 'sub'), 0o755)

    expect((await readFile(join(target, 'big.bin'))).equals(content)).toBe(true)
    expect(await readFile(join(target, long), 'utf8')).toBe('long')
    expect(await readlink(join(target, 'sub', 'link'))).toBe('../big.bin')
    const run = await lstat(join(target, 'sub', 'run'))
    expect([run.mode & 0o7777, run.mtime]).toEqual([0o751, time])
    expect((await lstat(join(target, 'sub', 'empty'))).mtime).toEqual(time)
    expect((await lstat(join(target, 'sub'))).mode & 0o777).toBe(0o555)
    expect((await lstat(join(target, 'sub', 'same'))).ino).toBe((await lstat(join(target, 'big.bin'))).ino)
    expect(unpacked).toMatchObject({ files: packed.files, bytes: packed.bytes, skipped: [] })
    await chmod(join(target, 'sub'), 0o755)
  })

  it('copy one file under another name, over an older one', async () => {
    await writeFile(join(folder, 'a'), 'new')
    await writeFile(join(folder, 'b'), 'older and longer')
    await extract(
      pack(join(folder, 'a'), { name: 'a', uid: 0, gid: 0 }, new Counts()),
      join(folder, 'b'),
      new Counts(),
      forever,
    )
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('new')
  })

  it('stop when they are told to', async () => {
    await writeFile(join(folder, 'a'), Buffer.alloc(5_000_000))
    const tar = pack(join(folder, 'a'), { name: 'a', uid: 0, gid: 0 }, new Counts())
    await expect(extract(tar, join(folder, 'b'), new Counts(), AbortSignal.abort())).rejects.toThrow()
    expect(tar.destroyed).toBe(true)
  })

  it('fail on a stream that is cut short', async () => {
    const whole: Buffer[] = []
    for await (const chunk of archive([{ name: 'top/a', content: 'x'.repeat(2000) }]))
      whole.push(chunk as Buffer)
    const { Readable } = await import('node:stream')
    const cut = Readable.from([Buffer.concat(whole).subarray(0, 1024)])
    await expect(extract(cut, join(folder, 'b'), new Counts(), forever)).rejects.toThrow()
  })
})

describe('extract of a hostile archive', () => {
  it('writes nothing outside its folder', async () => {
    const root = join(folder, 'root')
    const outside = join(folder, 'outside')
    await mkdir(root)
    await mkdir(outside)
    await symlink(outside, join(root, 'there-before'))
    const tally = new Counts()
    await extract(
      archive([
        { name: 'top/', type: 'directory' },
        { name: 'top/../../outside/a', content: 'no' },
        { name: '../outside/b', content: 'no' },
        { name: 'top/out', type: 'symlink', linkname: outside },
        { name: 'top/out/c', content: 'no' },
        { name: 'top/there-before/d', content: 'no' },
        { name: 'top/hard', type: 'link', linkname: 'top/../../outside/secret' },
        { name: 'top/hard2', type: 'link', linkname: 'top/out/secret' },
        { name: 'top/pipe', type: 'fifo' },
        { name: 'top/good', content: 'yes', mode: 0o4755 },
      ]),
      root,
      tally,
      forever,
    )
    const { readdir } = await import('node:fs/promises')
    expect(await readdir(outside)).toEqual([])
    expect((await readdir(folder)).sort()).toEqual(['outside', 'root'])
    expect(await readFile(join(root, 'good'), 'utf8')).toBe('yes')
    expect((await lstat(join(root, 'good'))).mode & 0o7777).toBe(0o755)
    expect(tally.skipped.map(({ path }) => path)).toEqual([
      'top/../../outside/a',
      '../outside/b',
      'top/out/c',
      'top/there-before/d',
      'top/hard',
      'top/hard2',
      'top/pipe',
    ])
  })

  it('places what follows an entry of the same folder in it, and nothing beside the top', async () => {
    const target = join(folder, 'down')
    await mkdir(target)
    const names = [
      './tree',
      './beside',
      'tree',
      'treex',
      '/above',
      'tree/a',
      'tree/b',
      'tree/../c',
      'tree/sub/d',
      'tree/e',
    ]
    const counts = new Counts()
    const entries = names.map((name) => ({ name, content: name }))
    await extract(archive(entries.slice(5)), target, counts, forever)
    expect(counts.skipped.map(({ path }) => path)).toEqual(['tree/../c'])
    for (const name of ['a', 'b', 'sub/d', 'e'])
      expect(await readFile(join(target, name), 'utf8')).toBe(`tree/${name}`)
    await extract(archive(entries), target, counts, forever).catch(() => undefined)
    expect(await readdir(folder)).toEqual(['down'])
    expect((await readdir(target)).sort()).toEqual(['a', 'b', 'e', 'sub'])
  })

  it('replaces a link by the file and not what the link leads to', async () => {
    await writeFile(join(folder, 'precious'), 'kept')
    const root = join(folder, 'root')
    await extract(
      archive([
        { name: 'top/', type: 'directory' },
        { name: 'top/x', type: 'symlink', linkname: join(folder, 'precious') },
        { name: 'top/x', content: 'overwritten' },
      ]),
      root,
      new Counts(),
      forever,
    )
    expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('kept')
    expect(await readFile(join(root, 'x'), 'utf8')).toBe('overwritten')
  })

  it('does not replace a folder', async () => {
    const root = join(folder, 'root')
    await mkdir(join(root, 'x'), { recursive: true })
    const tally = new Counts()
    await extract(archive([{ name: 'top/x', content: 'file' }]), root, tally, forever)
    expect((await lstat(join(root, 'x'))).isDirectory()).toBe(true)
    expect(tally.skipped).toHaveLength(1)
  })
})

describe('entryPath', () => {
  it.each([
    ['top', []],
    ['top/', []],
    ['./top/a', ['a']],
    ['/top/a/./b/', ['a', 'b']],
  ])('%j lies at %j', (name, expected) => expect(entryPath(name, 'linux')).toEqual(expected))

  it.each(['..', 'top/../x', 'top/a\0b'])('%j leads out', (name) =>
    expect(entryPath(name, 'linux')).toBeNull(),
  )

  it('minds what separates on Windows', () => {
    expect(entryPath('top/a\\b', 'win32')).toBeNull()
    expect(entryPath('top/c:x', 'win32')).toBeNull()
    expect(entryPath('top/a\\b', 'linux')).toEqual(['a\\b'])
  })
})
