import { execFileSync } from 'node:child_process'
import {
  createReadStream,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProblemError, problem } from '#contract'
import { silentReport } from '../actions/context'
import { folderReader } from './folder-reader'
import { measureFolder, tarFolder } from './tar-folder'
import { untar } from './untar'
import { volumeReader } from './volume-reader'

let folder: string
const { signal } = new AbortController()
const owner = { uid: 1234, gid: 4321 }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-files-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe('a folder as a tar stream', () => {
  beforeEach(() => {
    const root = join(folder, 'in')
    mkdirSync(join(root, 'deep', 'er'), { recursive: true })
    writeFileSync(join(root, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 })
    writeFileSync(join(root, 'empty'), '')
    writeFileSync(join(root, 'deep', 'large'), Buffer.alloc(3_000_000, 5))
    writeFileSync(join(root, `${'n'.repeat(120)}-ünï.txt`), 'long name')
    symlinkSync('../run.sh', join(root, 'deep', 'link'))
    utimesSync(join(root, 'run.sh'), 1000, 1000)
    execFileSync('mkfifo', [join(root, 'pipe')])
  })

  it('keeps modes, links, times and names, gives all to one owner, and leaves out what is no file', async () => {
    const root = join(folder, 'in')
    const size = await measureFolder(root, signal)
    const progress: number[] = []
    let told = ''
    const report = {
      ...silentReport,
      progress: ({ current }: { current: number }) => progress.push(current),
      output: (text: string) => {
        told += text
      },
    }
    const bytes = await collect(tarFolder(root, 'app', owner, report, size, signal))
    expect(progress.at(-1)).toBe(size.bytes)
    mkdirSync(join(folder, 'out'))
    execFileSync('tar', ['-x', '-C', join(folder, 'out')], { input: bytes })
    const out = join(folder, 'out', 'app')
    expect(lstatSync(join(out, 'run.sh'))).toMatchObject({ mode: 0o100755, mtimeMs: 1_000_000 })
    expect(readlinkSync(join(out, 'deep', 'link'))).toBe('../run.sh')
    expect(readFileSync(join(out, 'deep', 'large')).equals(Buffer.alloc(3_000_000, 5))).toBe(true)
    expect(readFileSync(join(out, `${'n'.repeat(120)}-ünï.txt`), 'utf8')).toBe('long name')
    expect(lstatSync(join(out, 'deep', 'er')).isDirectory()).toBe(true)
    const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input: bytes, encoding: 'utf8' })
    expect(
      listing
        .trim()
        .split('\n')
        .every((line) => line.includes('1234/4321')),
    ).toBe(true)
    expect(listing).not.toContain('pipe')
    expect(told).toBe('Left out, as it is a pipe: pipe\n')
  })

  it('reads no faster than it is read', async () => {
    const progress: number[] = []
    const report = { ...silentReport, progress: ({ current }: { current: number }) => progress.push(current) }
    const stream = tarFolder(join(folder, 'in'), 'app', owner, report, undefined, signal)
    stream.once('readable', () => undefined)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(Math.max(0, ...progress)).toBeLessThan(2_500_000)
    stream.destroy()
  })

  it('ends with an error when it is aborted or cannot read', async () => {
    const controller = new AbortController()
    const stream = tarFolder(join(folder, 'in'), 'app', owner, silentReport, undefined, controller.signal)
    stream.once('data', () => controller.abort(new Error('enough')))
    await expect(collect(stream)).rejects.toThrow()
    await expect(
      collect(tarFolder(join(folder, 'none'), 'x', owner, silentReport, undefined, signal)),
    ).rejects.toThrow('ENOENT')
  })

  it('keeps names, links and paths whatever bytes they have', async () => {
    const odd = Buffer.concat([
      Buffer.from(join(folder, 'in', 'lat')),
      Buffer.from([0xe9]),
      Buffer.from('n\n'),
    ])
    mkdirSync(odd)
    const inner = Buffer.concat([odd, Buffer.from(`/${'d'.repeat(200)}`), Buffer.from([0xff])])
    mkdirSync(inner)
    writeFileSync(Buffer.concat([inner, Buffer.from('/-rf')]), 'deep')
    const target = Buffer.concat([Buffer.from('t'.repeat(150)), Buffer.from([0xe9])])
    symlinkSync(target, Buffer.concat([inner, Buffer.from('/link')]))
    const bytes = await collect(
      tarFolder(join(folder, 'in'), 'app', { uid: 3_000_000, gid: 1 }, silentReport, undefined, signal),
    )
    mkdirSync(join(folder, 'out'))
    execFileSync('tar', ['-x', '--no-same-owner', '-C', join(folder, 'out')], { input: bytes })
    const there = Buffer.from(inner.toString('latin1').replace('/in/', '/out/app/'), 'latin1')
    expect(readFileSync(Buffer.concat([there, Buffer.from('/-rf')]), 'utf8')).toBe('deep')
    const link = readlinkSync(Buffer.concat([there, Buffer.from('/link')]), { encoding: 'buffer' })
    expect(link.equals(target)).toBe(true)
    const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input: bytes, encoding: 'utf8' })
    expect(listing).toContain('3000000/1')
  })

  it('comes back as it was', async () => {
    const out = join(folder, 'out')
    await untar(tarFolder(join(folder, 'in'), 'app', owner, silentReport, undefined, signal), out)
    expect(readFileSync(join(out, 'deep', 'link'), 'utf8')).toBe('#!/bin/sh\n')
    expect(lstatSync(join(out, 'run.sh')).mode & 0o777).toBe(0o755)
  })
})

describe('a hostile tar stream', () => {
  it('writes nothing outside, not even through links', async () => {
    const outside = join(folder, 'outside')
    mkdirSync(outside)
    const tar = pack()
    tar.entry({ name: 'app/../../outside/a' }, 'x')
    tar.entry({ name: 'app/link', type: 'symlink', linkname: outside })
    tar.entry({ name: 'app/link/b' }, 'x')
    tar.entry({ name: '/app/c' }, 'c')
    tar.entry({ name: 'app/hard', type: 'link', linkname: `app/../../outside/a` })
    tar.entry({ name: 'app/device', type: 'character-device' })
    tar.finalize()
    await untar(tar, join(folder, 'out')).catch(() => undefined)
    expect(execFileSync('ls', [outside], { encoding: 'utf8' })).toBe('')
  })

  it('is an error when it is cut off', async () => {
    const tar = new PassThrough()
    setTimeout(() => tar.destroy(new Error('lost')), 20)
    await expect(untar(tar, join(folder, 'out'))).rejects.toThrow('lost')
  })
})

describe('a folder of this machine', () => {
  it('is read within its bounds', async () => {
    const root = join(folder, 'repo')
    mkdirSync(join(root, '.devcontainer'), { recursive: true })
    writeFileSync(join(root, '.devcontainer', 'a.json'), '{}')
    writeFileSync(join(folder, 'secret'), 'secret')
    symlinkSync('../secret', join(root, 'out'))
    symlinkSync('.devcontainer/a.json', join(root, 'in'))
    const reader = folderReader(root)
    expect(await reader.list('.devcontainer')).toEqual(['a.json'])
    expect(await reader.list('none')).toEqual([])
    expect(Buffer.from((await reader.read('in', 100)) ?? []).toString()).toBe('{}')
    expect(await reader.read('.devcontainer', 100)).toBeUndefined()
    expect(await reader.read('none', 100)).toBeUndefined()
    expect(await reader.exists('.')).toBe(true)
    await expect(reader.read('in', 1)).rejects.toBeInstanceOf(ProblemError)
    await expect(reader.read('out', 100)).rejects.toMatchObject({ problem: { code: 'definition-invalid' } })
  })
})

describe('the source in a volume', () => {
  it('is read from tar streams', async () => {
    const root = join(folder, 'app')
    mkdirSync(join(root, '.devcontainer', 'sub'), { recursive: true })
    writeFileSync(join(root, '.devcontainer', 'devcontainer.json'), '{"image": "x"}')
    writeFileSync(join(root, '.devcontainer', 'sub', 'other'), 'y')
    symlinkSync('/etc/passwd', join(root, 'link'))
    const reader = volumeReader(
      '/workspaces/app',
      async (path) => {
        const local = join(folder, path.replace('/workspaces/', ''))
        const found = lstatSync(local, { throwIfNoEntry: false })
        if (!found) throw problem({ code: 'file-not-found', title: 'x', cause: 'x', remedy: 'x' })
        const file = join(folder, 'answer.tar')
        execFileSync('tar', ['-C', join(local, '..'), '-cf', file, local.split('/').at(-1) ?? ''])
        return createReadStream(file)
      },
      signal,
    )
    expect(Buffer.from((await reader.read('.devcontainer/devcontainer.json', 100)) ?? []).toString()).toBe(
      '{"image": "x"}',
    )
    expect(await reader.read('none', 100)).toBeUndefined()
    expect(await reader.read('.devcontainer', 100)).toBeUndefined()
    expect(await reader.list('.devcontainer')).toEqual(['devcontainer.json', 'sub'])
    expect(await reader.list('none')).toEqual([])
    expect(await reader.exists('.devcontainer')).toBe(true)
    expect(await reader.exists('none')).toBe(false)
    await expect(reader.read('link', 100)).rejects.toBeInstanceOf(ProblemError)
    await expect(reader.read('.devcontainer/devcontainer.json', 2)).rejects.toBeInstanceOf(ProblemError)
  })
})
