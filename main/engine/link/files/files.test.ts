import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ProblemError, type Workspace } from '#contract'
import { isPossible, openKeeper } from '../agent/local-agent.suite'
import { createLinkFiles, type LinkFiles } from './open'
import type { FileSession } from './session'

const never = new AbortController().signal
const codeOf = (error: unknown) => (error instanceof ProblemError ? error.problem.code : String(error))
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function whole(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe.skipIf(!isPossible)('files over the agent', () => {
  let opened: ReturnType<typeof openKeeper>
  let files: LinkFiles
  let session: FileSession
  let number = 0
  /** A folder of each test's own. */
  let folder: string
  beforeAll(async () => {
    opened = openKeeper()
    files = createLinkFiles(opened.keeper, () => opened.workspaces.get('one') as Workspace)
    session = await files.open(never)
  })
  afterAll(() => opened?.dispose())
  beforeEach(() => {
    number += 1
    folder = join(opened.folder, `test-${number}`)
    mkdirSync(folder)
  })

  it('lists what is there, with kinds, sizes, permissions and times, and tells names that are no text', async () => {
    const odd = Buffer.concat([Buffer.from(folder), Buffer.from('/b\xe4d', 'latin1')])
    writeFileSync(odd, 'odd')
    writeFileSync(join(folder, 'two\nlines'), 'x', { mode: 0o640 })
    mkdirSync(join(folder, 'sub'))
    symlinkSync('../nowhere', join(folder, 'link'))
    const { entries, truncated } = await session.list(folder)
    expect(truncated).toBe(false)
    expect(entries.map(({ name, kind, size }) => [name, kind, kind === 'file' ? size : 0]).sort()).toEqual([
      ['b\udce4d', 'file', 3],
      ['link', 'link', 0],
      ['sub', 'folder', 0],
      ['two\nlines', 'file', 1],
    ])
    const lines = entries.find(({ name }) => name === 'two\nlines')
    const facts = statSync(join(folder, 'two\nlines'))
    expect(lines).toMatchObject({
      mode: 0o640,
      uid: facts.uid,
      modified: Math.floor(facts.mtimeMs / 1000) * 1000,
    })
    expect((await whole(session.read(`${folder}/b\udce4d`))).toString()).toBe('odd')
    await session.rename(`${folder}/b\udce4d`, `${folder}/b\udcffd`)
    expect(readdirSync(folder, 'latin1')).toContain('b\xffd')
    expect(await session.readlink(`${folder}/link`)).toBe('../nowhere')
    expect(await session.stat(`${folder}/link`)).toBeUndefined()
    expect(await session.lstat(`${folder}/link`)).toMatchObject({ kind: 'link' })
    expect(await session.realpath(`${folder}/./sub/..//sub`)).toBe(`${folder}/sub`)
  })

  it('lists 3000 entries, and no more than are asked for', async () => {
    for (let index = 0; index < 3000; index += 1) writeFileSync(join(folder, `file ${index}`), '')
    expect((await session.list(folder)).entries).toHaveLength(3000)
    expect(await session.list(folder, 500)).toMatchObject({ truncated: true })
    expect((await session.list(folder, 3000)).truncated).toBe(false)
  })

  it('reads and writes 40 MB with all of their bytes, whole and in parts', async () => {
    const bytes = randomBytes(40_000_001)
    const ends: number[] = []
    const path = `${folder}/big`
    await session.write(path, pieces(bytes, 300_001), {
      offset: 0,
      mode: 'new',
      onWritten: (end) => ends.push(end),
    })
    expect(sha256(readFileSync(path))).toBe(sha256(bytes))
    expect(ends.at(-1)).toBe(bytes.length)
    expect(ends).toEqual([...ends].sort((a, b) => a - b))
    expect(sha256(await whole(session.read(path)))).toBe(sha256(bytes))
    expect((await whole(session.read(path, 39_999_990))).equals(bytes.subarray(39_999_990))).toBe(true)
    expect((await whole(session.read(path, 100_000, 300_000))).equals(bytes.subarray(100_000, 400_000))).toBe(
      true,
    )
    expect(await session.digest(path)).toEqual({ sha256: sha256(bytes), size: bytes.length })
    const some = await session.digest(path, 1_000_000)
    expect(some).toEqual({ sha256: sha256(bytes.subarray(0, 1_000_000)), size: 1_000_000 })
    truncateSync(path, 10_000_000)
    await session.write(path, pieces(bytes.subarray(10_000_000), 131_072), { offset: 10_000_000, mode: 'on' })
    expect(sha256(readFileSync(path))).toBe(sha256(bytes))
    await session.write(path, pieces(Buffer.from('short'), 100), { offset: 0, mode: 'over' })
    expect(readFileSync(path, 'utf8')).toBe('short')
  })

  it('reads beyond 4 GiB in a file that is mostly a hole, and what is empty', async () => {
    const path = `${folder}/huge`
    writeFileSync(path, '')
    truncateSync(path, 5_000_000_000)
    expect(await session.stat(path)).toMatchObject({ size: 5_000_000_000 })
    await session.write(path, pieces(Buffer.from('far'), 3), { offset: 4_999_999_999, mode: 'on' })
    expect((await whole(session.read(path, 4_999_999_990))).toString()).toBe(`${'\0'.repeat(9)}far`)
    writeFileSync(join(folder, 'empty'), '')
    expect((await whole(session.read(`${folder}/empty`))).length).toBe(0)
  })

  it('makes, renames, deletes, and sets permissions and times', async () => {
    await session.makeFolder(`${folder}/made`)
    writeFileSync(join(folder, 'file'), 'x')
    await session.set(`${folder}/file`, { mode: 0o751, modified: 1_500_000_000_000 })
    const facts = statSync(join(folder, 'file'))
    expect([facts.mode & 0o7777, facts.mtimeMs]).toEqual([0o751, 1_500_000_000_000])
    await session.rename(`${folder}/file`, `${folder}/made/moved`)
    expect(await session.removeFolder(`${folder}/made`).catch(codeOf)).toBe('invalid-input')
    symlinkSync(join(folder, 'made'), join(folder, 'link'))
    await session.remove(`${folder}/link`)
    expect(existsSync(join(folder, 'made/moved'))).toBe(true)
    await session.remove(`${folder}/made/moved`)
    await session.removeFolder(`${folder}/made`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('says what is wrong', async () => {
    writeFileSync(join(folder, 'file'), 'x')
    expect(await session.list(`${folder}/none`).catch(codeOf)).toBe('file-not-found')
    expect(await session.list(`${folder}/file`).catch(codeOf)).toBe('invalid-input')
    expect(await whole(session.read(`${folder}/none`)).catch(codeOf)).toBe('file-not-found')
    expect(await session.stat(`${folder}/file/below`)).toBeUndefined()
    const again = session.write(`${folder}/file`, pieces(Buffer.from('y'), 1), { offset: 0, mode: 'new' })
    expect(await again.catch(codeOf)).toBe('name-taken')
    expect(await session.makeFolder(folder).catch(codeOf)).toBe('name-taken')
    expect(await session.makeFolder(`${folder}/${'x'.repeat(300)}`).catch(codeOf)).toBe('invalid-input')
    expect(await session.digest(`${folder}/none`).catch(codeOf)).toBe('file-not-found')
    expect(await session.digest(folder).catch(codeOf)).toBe('file-failed')
    const full = session.write('/dev/full', pieces(Buffer.alloc(10), 10), { offset: 0, mode: 'on' })
    expect(await full.catch(codeOf)).toBe('disk-full')
    expect(lstatSync(join(folder, 'file')).size).toBe(1)
  })

  it('hands on what a source throws, and leaves no file open', async () => {
    async function* broken() {
      yield Buffer.alloc(500_000)
      throw new Error('the source broke')
    }
    const writing = session.write(`${folder}/part`, broken(), { offset: 0, mode: 'new' })
    await expect(writing).rejects.toThrow('the source broke')
    for (let index = 0; index < 50; index += 1)
      for await (const _piece of session.read(`${folder}/part`)) break
    await session.remove(`${folder}/part`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('ends with its signal', async () => {
    writeFileSync(join(folder, 'big'), Buffer.alloc(8_000_000))
    const controller = new AbortController()
    const other = await files.open(controller.signal)
    const reading = (async () => {
      for await (const _piece of other.read(`${folder}/big`)) controller.abort()
    })()
    expect(await reading.catch(codeOf)).toBe('cancelled')
    expect(other.isOver).toBe(true)
    expect(await session.stat(folder)).toMatchObject({ kind: 'folder' })
  })

  it('says that the connection is lost in the middle of a file, and is reached again', async () => {
    // A hole that takes longer to read than the word of the cut does.
    writeFileSync(join(folder, 'big'), '')
    truncateSync(join(folder, 'big'), 1_000_000_000)
    let size = 0
    const reading = (async () => {
      for await (const piece of session.read(`${folder}/big`)) {
        size += piece.length
        if (size > 1_000_000) opened.local.cut()
      }
    })()
    expect(await reading.catch(codeOf)).toBe('connection-lost')
    expect(size).toBeLessThan(1_000_000_000)
    expect(await session.list(folder).catch(codeOf)).toBe('connection-lost')
    session = await files.open(never)
    expect((await session.list(folder)).entries).toHaveLength(1)
  })
})

describe.skipIf(!isPossible)('files of a workspace without an agent', () => {
  let opened: ReturnType<typeof openKeeper>
  afterAll(() => opened?.dispose())

  it('cannot be reached, which says why', async () => {
    opened = openKeeper({ facts: async () => undefined, read: () => Promise.reject(new Error('none')) })
    const files = createLinkFiles(opened.keeper, () => opened.workspaces.get('one') as Workspace)
    expect(await files.open(never).catch(codeOf)).toBe('agent-unavailable')
    const stopped = { id: 'one', name: 'one', state: 'stopped', reason: 'it was stopped' } as Workspace
    opened.workspaces.set(stopped)
    expect(await files.open(never).catch(codeOf)).toBe('workspace-not-running')
    expect(await files.open(AbortSignal.abort()).catch(codeOf)).toBe('workspace-not-running')
  })
})
