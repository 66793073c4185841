import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Headers, pack as tarPack } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { contentOf, tarOf } from './bulk'
import { readableOf } from './tar/streams'

const never = new AbortController().signal

async function whole(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}

function archive(...entries: readonly (readonly [Headers, string?])[]): Readable {
  const tar = tarPack()
  for (const [header, content] of entries)
    if (content === undefined) tar.entry(header)
    else tar.entry(header, content)
  tar.finalize()
  return readableOf(tar)
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Buffer, void> {
  for (const text of texts) yield Buffer.from(text)
}

describe('one file as a tar stream', () => {
  it('comes as it goes', async () => {
    const hash = createHash('sha256')
    let read = 0
    const content = chunks('a'.repeat(100_000), 'b'.repeat(400_000))
    const tar = tarOf({
      path: `/${'long-name-'.repeat(20)}é`,
      size: 500_000,
      uid: 1,
      gid: 2,
      content,
      hash,
      onRead: (bytes) => {
        read += bytes
      },
    })
    const back = await whole(contentOf(tar, never))
    expect(back.toString()).toBe('a'.repeat(100_000) + 'b'.repeat(400_000))
    expect(hash.digest('hex')).toBe(createHash('sha256').update(back).digest('hex'))
    expect(read).toBe(500_000)
  })

  it.each([
    ['shorter', ['short']],
    ['longer', ['x'.repeat(20)]],
  ])('fails where the content is %s than it was', async (_how, texts) => {
    const rest = { uid: 0, gid: 0, hash: createHash('sha256'), onRead: () => undefined }
    const tar = tarOf({ path: '/x', size: 10, content: chunks(...texts), ...rest })
    await expect(whole(tar)).rejects.toThrow()
  })

  it('fails as its content does', async () => {
    async function* broken(): AsyncGenerator<Buffer, void> {
      yield Buffer.alloc(5)
      throw new Error('the disk broke')
    }
    const rest = { uid: 0, gid: 0, hash: createHash('sha256'), onRead: () => undefined }
    await expect(whole(tarOf({ path: '/x', size: 10, content: broken(), ...rest }))).rejects.toThrow(
      'the disk broke',
    )
  })
})

describe('the content of a tar stream that a workspace sends', () => {
  it('is that of the first file alone', async () => {
    expect(
      (await whole(contentOf(archive([{ name: 'a' }, 'one'], [{ name: 'b' }, 'two']), never))).toString(),
    ).toBe('one')
    const link = archive([{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }], [{ name: 'b' }, 'two'])
    expect((await whole(contentOf(link, never))).length).toBe(0)
    expect((await whole(contentOf(archive(), never))).length).toBe(0)
  })

  it('breaks with a stream that is cut off, that is no tar, or that is given up', async () => {
    const all = await whole(archive([{ name: 'a' }, 'x'.repeat(2000)]))
    await expect(whole(contentOf(Readable.from([all.subarray(0, 1500)]), never))).rejects.toThrow()
    await expect(whole(contentOf(Readable.from([Buffer.alloc(1024, 'x')]), never))).rejects.toThrow()
    await expect(whole(contentOf(Readable.from([all]), AbortSignal.abort()))).rejects.toThrow()
  })
})
