import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ProblemError, type RequestParsed, type Transfer } from '#contract'
import { isPossible } from '../link/agent/local-agent.suite'
import { waitFor } from '../platform/collection'
import { downloadFile } from './download-file'
import { createFiles, type Files } from './index'
import { partName } from './local'
import { openLocalLink } from './local-link.suite'
import type { CopyReport } from './report'

const never = new AbortController().signal
const codeOf = (error: unknown) => (error instanceof ProblemError ? error.problem.code : String(error))
const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
const time = new Date('2021-02-03T04:05:06Z')

class Counts implements CopyReport {
  files = 0
  bytes = 0
  addFile(): void {
    this.files += 1
  }
  addBytes(count: number): void {
    this.bytes += count
  }
  skip(): void {}
  mark(): () => void {
    return () => undefined
  }
  waiting(): void {}
}

// They carry a gigabyte.
describe.skipIf(!isPossible)('transfers', { timeout: 180_000 }, () => {
  let opened: ReturnType<typeof openLocalLink>
  let files: Files
  let number = 0
  /** Folders of each test's own. */
  let local: string
  let remote: string
  beforeAll(() => {
    opened = openLocalLink()
    files = createFiles(opened)
  })
  afterAll(async () => {
    await files?.dispose()
    opened?.dispose()
  })
  beforeEach(() => {
    number += 1
    local = join(opened.local, String(number))
    remote = join(opened.remote, String(number))
    for (const folder of [local, remote]) mkdirSync(folder)
  })

  const connected = () => ({ link: opened.link, clock: opened.platform.clock, patience: 10_000 })
  const upload = async (paths: string[], existing: 'replace' | 'keep-both' = 'keep-both') => {
    const input: RequestParsed<'transfers.upload'> = { workspaceId: 'one', paths, folder: remote, existing }
    return (await files.handlers['transfers.upload'](input, never)).transferId
  }
  const download = async (paths: string[]) => {
    const input = { workspaceId: 'one', paths, folder: local }
    return (await files.handlers['transfers.download'](input, never)).transferId
  }
  const until = async (transferId: string, is: (transfer: Transfer) => boolean) => {
    const record = await waitFor(files.transfers, transferId, (one) => one !== undefined && is(one))
    return record as Transfer
  }
  const over = (transferId: string) => until(transferId, ({ endedAt }) => endedAt !== undefined)
  const underWay = (transferId: string) => until(transferId, ({ bytes }) => bytes > 1_000_000)

  function makeTree(folder: string): void {
    mkdirSync(join(folder, 'tree/sub/empty'), { recursive: true })
    writeFileSync(join(folder, 'tree/big'), randomBytes(3_000_001))
    writeFileSync(join(folder, 'tree/sub/run'), '#!/bin/sh\n')
    writeFileSync(join(folder, 'tree/sub/two\nlines'), 'x')
    symlinkSync('../big', join(folder, 'tree/sub/link'))
    chmodSync(join(folder, 'tree/sub/run'), 0o751)
    utimesSync(join(folder, 'tree/sub/run'), time, time)
    utimesSync(join(folder, 'tree/sub/empty'), time, time)
    utimesSync(join(folder, 'tree'), time, time)
  }

  function expectTree(top: string, original: string): void {
    expect(sha256(join(top, 'big'))).toBe(sha256(join(original, 'big')))
    expect(readlinkSync(join(top, 'sub/link'))).toBe('../big')
    expect(readFileSync(join(top, 'sub/two\nlines'), 'utf8')).toBe('x')
    const run = lstatSync(join(top, 'sub/run'))
    expect([run.mode & 0o7777, run.mtime]).toEqual([0o751, time])
    expect(lstatSync(join(top, 'sub/empty')).mtime).toEqual(time)
    expect(lstatSync(top).mtime).toEqual(time)
  }

  it('bring files and folders there and back, with permissions and times', async () => {
    makeTree(local)
    writeFileSync(join(local, 'one.bin'), randomBytes(700_000), { mode: 0o640 })
    utimesSync(join(local, 'one.bin'), time, time)
    const there = await over(await upload([join(local, 'tree'), join(local, 'one.bin')]))
    expect(there).toMatchObject({ state: 'done', items: 2, files: 5, bytes: 3_700_012, total: 3_700_012 })
    expect(readdirSync(remote).sort()).toEqual(['one.bin', 'tree'])
    expectTree(join(remote, 'tree'), join(local, 'tree'))
    const one = statSync(join(remote, 'one.bin'))
    expect([one.mode & 0o7777, one.mtime]).toEqual([0o640, time])

    const back = await over(await download([join(remote, 'tree'), join(remote, 'one.bin')]))
    expect(back).toMatchObject({ state: 'done', files: 5, bytes: 3_700_012 })
    // What was there stays.
    expect(readdirSync(local).sort()).toEqual(['one 2.bin', 'one.bin', 'tree', 'tree 2'])
    expectTree(join(local, 'tree 2'), join(local, 'tree'))
    const again = statSync(join(local, 'one 2.bin'))
    expect([again.mode & 0o7777, again.mtime]).toEqual([0o640, time])
    expect(sha256(join(local, 'one 2.bin'))).toBe(sha256(join(local, 'one.bin')))
  })

  it('replace a file only where that is asked for', async () => {
    writeFileSync(join(local, 'a.txt'), 'new')
    writeFileSync(join(remote, 'a.txt'), 'old')
    expect(await over(await upload([join(local, 'a.txt')]))).toMatchObject({ state: 'done' })
    expect(readFileSync(join(remote, 'a.txt'), 'utf8')).toBe('old')
    expect(readFileSync(join(remote, 'a 2.txt'), 'utf8')).toBe('new')
    await over(await upload([join(local, 'a.txt')], 'replace'))
    expect(readFileSync(join(remote, 'a.txt'), 'utf8')).toBe('new')
  })

  it('replace a link and not what it leads to', async () => {
    writeFileSync(join(local, 'a.txt'), 'new')
    writeFileSync(join(opened.remote, `precious-${number}`), 'kept')
    symlinkSync(join(opened.remote, `precious-${number}`), join(remote, 'a.txt'))
    await over(await upload([join(local, 'a.txt')], 'replace'))
    expect(readFileSync(join(opened.remote, `precious-${number}`), 'utf8')).toBe('kept')
    expect(readFileSync(join(remote, 'a.txt'), 'utf8')).toBe('new')
  })

  it('of one file go on where they were when the connection is lost', async () => {
    writeFileSync(join(local, 'big'), randomBytes(120_000_000))
    const up = await upload([join(local, 'big')])
    await underWay(up)
    opened.driver.cut()
    expect(await over(up)).toMatchObject({ state: 'done', bytes: 120_000_000, files: 1 })
    expect(sha256(join(remote, 'big'))).toBe(sha256(join(local, 'big')))

    const down = await download([join(remote, 'big')])
    await underWay(down)
    opened.driver.cut()
    expect(await over(down)).toMatchObject({ state: 'done', bytes: 120_000_000, files: 1 })
    expect(sha256(join(local, 'big 2'))).toBe(sha256(join(local, 'big')))
    expect([...readdirSync(local), ...readdirSync(remote)].sort()).toEqual(['big', 'big', 'big 2'])
  })

  it('of a folder go on where they were when the connection is lost', async () => {
    makeTree(local)
    for (let index = 0; index < 40; index += 1)
      writeFileSync(join(local, `tree/large ${index}`), randomBytes(2_000_000))
    utimesSync(join(local, 'tree'), time, time)
    const up = await upload([join(local, 'tree')])
    await underWay(up)
    opened.driver.cut()
    expect(await over(up)).toMatchObject({ state: 'done', files: 44, bytes: 83_000_012 })
    const down = await download([join(remote, 'tree')])
    await underWay(down)
    opened.driver.cut()
    expect(await over(down)).toMatchObject({ state: 'done' })
    expect(readdirSync(local).sort()).toEqual(['tree', 'tree 2'])
    expect(readdirSync(remote)).toEqual(['tree'])
    expectTree(join(local, 'tree 2'), join(local, 'tree'))
    for (let index = 0; index < 40; index += 1)
      expect(sha256(join(local, `tree 2/large ${index}`))).toBe(sha256(join(local, `tree/large ${index}`)))
  })

  it('begin anew where what an earlier attempt left is not how the file begins', async () => {
    const bytes = randomBytes(9_000_000)
    writeFileSync(join(local, 'a'), bytes)
    const part = (from: string, to: string) => join(dirname(to), partName('one', from, to))
    writeFileSync(part(join(local, 'a'), join(remote, 'a')), Buffer.alloc(8_000_000))
    const up = await over(await upload([join(local, 'a')]))
    expect(up).toMatchObject({ state: 'done', bytes: 9_000_000 })
    expect(sha256(join(remote, 'a'))).toBe(sha256(join(local, 'a')))
    expect(readdirSync(remote)).toEqual(['a'])
    for (const beginning of [
      Buffer.alloc(8_000_000),
      bytes.subarray(0, 5_000_000),
      Buffer.alloc(10_000_000),
    ]) {
      writeFileSync(part(join(remote, 'a'), join(local, 'b')), beginning)
      const job = { ...connected(), from: join(remote, 'a'), to: join(local, 'b'), replace: true }
      const counts = new Counts()
      await downloadFile(job, counts, never)
      expect(sha256(join(local, 'b'))).toBe(sha256(join(local, 'a')))
      expect(counts.bytes).toBe(9_000_000)
    }
    // Through a link that somebody has put in its place nothing is written.
    symlinkSync(join(local, 'precious'), part(join(remote, 'a'), join(local, 'b')))
    await downloadFile(
      { ...connected(), from: join(remote, 'a'), to: join(local, 'b'), replace: true },
      new Counts(),
      never,
    )
    expect(readdirSync(local).sort()).toEqual(['a', 'b'])
  })

  it('leave nothing behind when they are cancelled', async () => {
    writeFileSync(join(local, 'big'), Buffer.alloc(300_000_000))
    const up = await upload([join(local, 'big')])
    await underWay(up)
    await files.handlers['transfers.cancel']({ transferId: up }, never)
    expect(files.transfers.get(up)).toMatchObject({ state: 'cancelled' })
    expect(readdirSync(remote)).toEqual([])
    const down = await download([join(local, 'big')])
    await underWay(down)
    await files.handlers['transfers.cancel']({ transferId: down }, never)
    expect(readdirSync(local)).toEqual(['big'])
    await files.handlers['transfers.dismiss']({ transferId: down }, never)
    expect(files.transfers.get(down)).toBeUndefined()
  })

  it('say why they failed, and go on when that is mended', async () => {
    mkdirSync(join(local, 'tree'))
    writeFileSync(join(local, 'tree/a'), 'a')
    const transferId = await upload([join(local, 'tree')])
    await over(transferId)
    const input = {
      workspaceId: 'one',
      paths: [join(local, 'tree')],
      folder: join(remote, 'none'),
      existing: 'replace' as const,
    }
    const { transferId: failing } = await files.handlers['transfers.upload'](input, never)
    expect(await over(failing)).toMatchObject({ state: 'failed', problem: { code: 'file-not-found' } })
    mkdirSync(join(remote, 'none'))
    await files.handlers['transfers.resume']({ transferId: failing }, never)
    expect(await over(failing)).toMatchObject({ state: 'done', files: 1 })
    expect(readdirSync(join(remote, 'none'))).toEqual(['tree'])
    const missing = await over(await upload([join(local, 'nothing')]))
    expect(missing).toMatchObject({ state: 'failed', problem: { code: 'file-not-found' } })
    expect(await over(await download([join(remote, 'nothing')]))).toMatchObject({
      problem: { code: 'file-not-found' },
    })
  })

  it('of the same at the same time do not meet', async () => {
    makeTree(local)
    writeFileSync(join(remote, 'a'), randomBytes(3_000_000))
    const ups = await Promise.all([1, 2, 3].map(() => upload([join(local, 'tree')], 'replace')))
    const downs = await Promise.all([1, 2, 3].map(() => download([join(remote, 'a')])))
    for (const id of [...ups, ...downs]) expect(await over(id)).toMatchObject({ state: 'done' })
    expect(readdirSync(remote).sort()).toEqual(['a', 'tree', 'tree 2', 'tree 3'])
    expect(readdirSync(local).sort()).toEqual(['a', 'a 2', 'a 3', 'tree'])
  })

  it('follow a link that leads to a folder, and come into one behind a link', async () => {
    makeTree(remote)
    symlinkSync('tree', join(remote, 'again'))
    symlinkSync('again', join(remote, 'link'))
    expect(await over(await download([join(remote, 'link')]))).toMatchObject({ state: 'done', files: 4 })
    expectTree(join(local, 'link'), join(remote, 'tree'))
    const input = {
      workspaceId: 'one',
      paths: [join(local, 'link')],
      folder: join(remote, 'link/sub'),
      existing: 'replace' as const,
    }
    const { transferId } = await files.handlers['transfers.upload'](input, never)
    // The first is a link already.
    expect(await over(transferId)).toMatchObject({ state: 'done' })
    expectTree(join(remote, 'tree/sub/link 2'), join(remote, 'tree'))
  })

  it('of a file that only its name was still to be given to go on', async () => {
    const bytes = randomBytes(100_000)
    writeFileSync(join(local, 'a'), bytes, { mode: 0o400 })
    const part = join(remote, partName('one', join(local, 'a'), join(remote, 'a')))
    writeFileSync(part, bytes, { mode: 0o400 })
    expect(await over(await upload([join(local, 'a')]))).toMatchObject({ state: 'done', bytes: 100_000 })
    writeFileSync(join(local, partName('one', join(remote, 'a'), join(local, 'a 2'))), bytes, { mode: 0o400 })
    expect(await over(await download([join(remote, 'a')]))).toMatchObject({ state: 'done', bytes: 100_000 })
    expect([...readdirSync(local), ...readdirSync(remote)].sort()).toEqual(['a', 'a', 'a 2'])
    expect(statSync(join(local, 'a 2')).mode & 0o777).toBe(0o400)
  })

  it('of a folder begin anew in place of what another run left', async () => {
    makeTree(remote)
    const left = join(local, partName('one', join(remote, 'tree'), join(local, 'tree')))
    mkdirSync(left)
    writeFileSync(join(left, 'not of it'), 'x')
    expect(await over(await download([join(remote, 'tree')]))).toMatchObject({ state: 'done' })
    expect(readdirSync(join(local, 'tree')).sort()).toEqual(['big', 'sub'])
  })

  it('count what they cannot copy', async () => {
    mkdirSync(join(local, 'tree'))
    writeFileSync(Buffer.concat([Buffer.from(join(local, 'tree/')), Buffer.from([0xff])]), 'odd')
    const done = await over(await upload([join(local, 'tree')]))
    expect(done).toMatchObject({
      state: 'done',
      skippedCount: 1,
      skipped: [{ reason: 'its name is not valid UTF-8' }],
    })
  })

  it('are found by browsing, which renames, makes and deletes', async () => {
    const ask = files.handlers
    makeTree(remote)
    writeFileSync(join(remote, 'tree/text'), 'first\nsecond ä')
    const list = async (path: string) =>
      (await ask['files.list']({ workspaceId: 'one', path }, never)).entries
    expect(
      (await list(join(remote, 'tree/sub'))).map(({ name, kind, target }) => [name, kind, target]),
    ).toEqual([
      ['empty', 'folder', undefined],
      ['link', 'link', 'file'],
      ['run', 'file', undefined],
      ['two\nlines', 'file', undefined],
    ])
    const preview = (name: string) =>
      ask['files.preview']({ workspaceId: 'one', path: join(remote, name) }, never)
    expect(await preview('tree/text')).toMatchObject({
      kind: 'text',
      text: 'first\nsecond ä',
      truncated: false,
    })
    expect(await preview('tree/big')).toMatchObject({ kind: 'none', reason: 'binary' })
    expect(await preview('tree')).toMatchObject({ kind: 'none', reason: 'special' })
    writeFileSync(join(remote, 'long'), 'ä'.repeat(200_000))
    expect(await preview('long')).toMatchObject({ kind: 'text', truncated: true, size: 400_000 })
    expect(await preview('none').catch(codeOf)).toBe('file-not-found')
    const rename = { workspaceId: 'one', path: join(remote, 'long'), name: 'tree' }
    expect(await ask['files.rename'](rename, never).catch(codeOf)).toBe('name-taken')
    await ask['files.rename']({ ...rename, name: 'longer' }, never)
    await ask['files.makeFolder']({ workspaceId: 'one', folder: remote, name: 'made' }, never)
    symlinkSync(opened.home, join(remote, 'tree/out'))
    const paths = [join(remote, 'tree'), join(remote, 'longer')]
    await ask['files.delete']({ workspaceId: 'one', paths }, never)
    expect(readdirSync(remote)).toEqual(['made'])
    expect(existsSync(opened.home)).toBe(true)
    expect(await ask['files.delete']({ workspaceId: 'one', paths: ['/x/..'] }, never).catch(codeOf)).toBe(
      'invalid-input',
    )
  })
})
