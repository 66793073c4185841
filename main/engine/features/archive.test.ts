import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { archiveLimits, unpack } from './archive'
import { type TestEntry, tarOf } from './test-registry.suite'

const open = (archive: Uint8Array) => unpack(archive, 'The Feature x', new AbortController().signal)
const openTar = async (entries: Readonly<Record<string, TestEntry>>) => open(await tarOf(entries))
const cause = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it succeeded'),
    ({ problem }) => {
      expect(problem).toMatchObject({ code: 'feature-invalid', title: 'The Feature x cannot be unpacked' })
      return problem.cause as string
    },
  )
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8')

describe('unpack', () => {
  it('reads files and folders, compressed or not', async () => {
    const tar = await tarOf({
      './': { type: 'directory' },
      './a/': { type: 'directory' },
      './a/b.txt': 'b',
      c: '',
    })
    for (const archive of [tar, gzipSync(tar)]) {
      const files = await open(archive)
      expect([...files.keys()]).toEqual(['a/b.txt', 'c'])
      expect(text(files.get('a/b.txt'))).toBe('b')
    }
  })

  it('copies what links inside lead to', async () => {
    const files = await openTar({
      'bin/one': { type: 'symlink', linkname: '../lib/real' },
      'bin/two': { type: 'link', linkname: 'lib/real' },
      'bin/three': { type: 'symlink', linkname: 'one' },
      'lib/real': 'content',
    })
    for (const path of ['bin/one', 'bin/two', 'bin/three']) expect(text(files.get(path))).toBe('content')
  })

  it.each<[string, Readonly<Record<string, TestEntry>>, RegExp]>([
    ['a file above its folder', { '../../etc/passwd': 'x' }, /outside of its folder/],
    ['a file above, in a roundabout way', { 'a/../../b': 'x' }, /outside of its folder/],
    ['an absolute path', { '/etc/passwd': 'x' }, /outside of its folder/],
    ['a path of Windows', { 'C:\\evil': 'x' }, /outside of its folder/],
    ['a link out', { x: { type: 'symlink', linkname: '../../etc/passwd' } }, /leads out/],
    ['an absolute link', { x: { type: 'symlink', linkname: '/etc/passwd' } }, /leads out/],
    ['a hard link out', { x: { type: 'link', linkname: '../x' } }, /leads out/],
    ['a link to nothing', { x: { type: 'symlink', linkname: 'none' } }, /leads to no file/],
    ['a link to itself', { x: { type: 'symlink', linkname: 'x' } }, /leads to no file/],
    ['a device', { x: { type: 'character-device' } }, /neither a file nor a folder/],
    ['a pipe', { x: { type: 'fifo' } }, /neither a file nor a folder/],
    ['a file that is a folder too', { a: 'x', 'a/b': 'y' }, /a file and a folder at once/],
  ])('refuses %s', async (_name, entries, expected) => {
    expect(await cause(openTar(entries))).toMatch(expected)
  })

  it('refuses a bomb before it has gone off', async () => {
    const bomb = gzipSync(Buffer.alloc(3 * archiveLimits.bytes), { level: 1 })
    const started = process.memoryUsage().rss
    expect(await cause(open(bomb))).toMatch(/more than Berth takes|no whole tar/)
    expect(process.memoryUsage().rss - started).toBeLessThan(4 * archiveLimits.bytes)
    const large = gzipSync(
      await tarOf({ big: { size: archiveLimits.bytes + 1, content: 'x'.repeat(archiveLimits.bytes + 1) } }),
      { level: 1 },
    )
    expect(await cause(open(large))).toMatch(/more than Berth takes/)
  })

  it('refuses many files, and many copies of one', async () => {
    const many = Object.fromEntries(
      Array.from({ length: archiveLimits.files + 1 }, (_, index) => [`f${index}`, '']),
    )
    expect(await cause(openTar(many))).toMatch(/more than 5000 files/)
    const content = 'x'.repeat(1024 * 1024)
    const copies = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`l${index}`, { type: 'link', linkname: 'f' } as const]),
    )
    expect(await cause(openTar({ f: content, ...copies }))).toMatch(/more than Berth takes/)
  })

  it('refuses what is cut off or no archive', async () => {
    const tar = await tarOf({ a: 'x'.repeat(5000) })
    for (const archive of [
      tar.subarray(0, 1000),
      gzipSync(tar).subarray(0, 60),
      Buffer.from('<html>'.repeat(200)),
    ]) {
      expect(await cause(open(archive))).toMatch(/no whole tar archive/)
    }
  })

  it('is cancelled', async () => {
    const stop = new AbortController()
    stop.abort()
    await expect(unpack(await tarOf({ a: 'x' }), 'It', stop.signal)).rejects.toMatchObject({
      problem: { code: 'cancelled' },
    })
  })
})
