import { createHash, randomBytes } from 'node:crypto'
import {
  chmod,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CopyDocument, ProblemDocument } from '../../cli/documents'
import { command } from '../harness/command'
import { TEST_IMAGES, type TestImage } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
beforeAll(async () => {
  berth = await commandLine()
})
afterAll(() => berth.dispose())

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const time = new Date('2021-02-03T04:05:06Z')

/** Even where there is no shell and no tar inside. */
describe.each<TestImage>(['debian', 'scratch'])('berth cp with the image %s', (image) => {
  const name = uniqueName(`copy-${image}`)
  const content = randomBytes(3_000_001)

  beforeAll(async () => {
    const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES[image], '--name', name])
    expect(code, stderr).toBe(0)
    const folder = join(berth.home, image)
    await mkdir(join(folder, 'sub', 'empty'), { recursive: true })
    await writeFile(join(folder, 'big'), content)
    await writeFile(join(folder, 'sub', 'odd näme\n'), 'odd')
    await chmod(join(folder, 'sub', 'odd näme\n'), 0o640)
    await utimes(join(folder, 'sub', 'odd näme\n'), time, time)
    await symlink('../big', join(folder, 'sub', 'link'))
    await symlink('../../../../etc/out', join(folder, 'sub', 'out'))
    await link(join(folder, 'big'), join(folder, 'same'))
  })
  afterAll(async () => {
    await berth.run(['delete', name, '--yes'])
  })

  it('brings a folder there and back as it was', async () => {
    const there = await berth.json(CopyDocument, ['cp', image, `${name}:`])
    expect(there).toMatchObject({ files: 5, bytes: content.length + 3, skipped: [] })
    const back = join(berth.home, `${image}-back`)
    await berth.json(CopyDocument, ['cp', `${name}:${image}`, back])
    expect(digest(await readFile(join(back, 'big')))).toBe(digest(content))
    const odd = await lstat(join(back, 'sub', 'odd näme\n'))
    expect([odd.mode & 0o777, odd.mtime]).toEqual([0o640, time])
    expect(await readlink(join(back, 'sub', 'link'))).toBe('../big')
    expect(await readlink(join(back, 'sub', 'out'))).toBe('../../../../etc/out')
    expect((await lstat(join(back, 'same'))).ino).toBe((await lstat(join(back, 'big'))).ino)
    expect((await lstat(join(back, 'sub', 'empty'))).isDirectory()).toBe(true)
  })

  it('copies a file under another name, into a folder, and what a folder holds', async () => {
    await berth.json(CopyDocument, ['cp', join(image, 'big'), `${name}:/renamed`])
    await berth.json(CopyDocument, ['cp', `${name}:/renamed`, '.'])
    expect(digest(await readFile(join(berth.home, 'renamed')))).toBe(digest(content))
    await mkdir(join(berth.home, `${image}-into`))
    await berth.json(CopyDocument, ['cp', `${name}:/renamed`, `${image}-into`])
    expect((await lstat(join(berth.home, `${image}-into`, 'renamed'))).size).toBe(content.length)
    await berth.json(CopyDocument, ['cp', join(image, 'sub/.'), `${name}:/`])
    await berth.json(CopyDocument, ['cp', `${name}:${image}/sub/link`, `${image}-followed`])
    expect(digest(await readFile(join(berth.home, `${image}-followed`)))).toBe(digest(content))
  })

  it('goes on with a large file where a copy that was killed had come', async () => {
    const large = join(berth.home, `${image}-large`)
    await writeFile(large, randomBytes(200_000_000))
    const original = digest(await readFile(large))
    const into = join(berth.home, `${image}-into-large`)
    await mkdir(into)
    await berth.json(CopyDocument, ['cp', large, `${name}:/workspaces/`])
    const from = `${name}:/workspaces/${image}-large`
    const killed = berth.start(['cp', from, into])
    const begun = async () => {
      const [part] = await readdir(into)
      return part?.endsWith('.part') ? (await lstat(join(into, part))).size : 0
    }
    await expect.poll(begun, { interval: 20 }).toBeGreaterThan(1_000_000)
    killed.child.kill('SIGKILL')
    await killed.ended
    expect(await begun()).toBeLessThan(200_000_000)
    const copied = await berth.json(CopyDocument, ['cp', from, into])
    expect(copied).toMatchObject({ files: 1, bytes: 200_000_000, skipped: [] })
    expect(await readdir(into)).toEqual([`${image}-large`])
    expect(digest(await readFile(join(into, `${image}-large`)))).toBe(original)
  })

  it('sends and takes tar streams', async () => {
    const { code, stdout } = await berth.run(['cp', `${name}:/renamed`, '-'])
    expect(code).toBe(0)
    const { stdout: listed } = await berth.run(['cp', `${name}:/renamed`, '-']).then(async (ended) => ({
      stdout: await command('tar', ['-t'], { input: ended.stdout }),
    }))
    expect(listed).toBe('renamed\n')
    await berth.run(['cp', '-', `${name}:/tmp-stream`], { input: stdout })
    const into = await berth.run(['cp', '-', `${name}:`], { input: stdout })
    expect(into.code, into.stderr).toBe(0)
    await berth.json(CopyDocument, ['cp', `${name}:renamed`, `${image}-streamed`])
    expect(digest(await readFile(join(berth.home, `${image}-streamed`)))).toBe(digest(content))
  })

  it.each([
    ['what is not there', ['NAME:/no/such', 'x'], 1, 'file-not-found'],
    ['into a folder that is not there', ['IMAGE/big', 'NAME:/no/such/file'], 1, 'file-not-found'],
    ['a file as a folder', ['IMAGE/big/.', 'NAME:/x'], 1, 'invalid-input'],
    ['a folder over a file', ['IMAGE', 'NAME:/renamed'], 1, 'invalid-input'],
    ['what is missing here', ['nothing', 'NAME:'], 1, 'file-not-found'],
    ['between two places here', ['a', 'b'], 2, 'invalid-input'],
    ['between two workspaces', ['NAME:a', 'NAME:b'], 2, 'invalid-input'],
  ])('refuses to copy %s', async (_what, places, code, problemCode) => {
    const args = places.map((text) => text.replace('NAME', name).replace('IMAGE', image))
    const ended = await berth.run(['cp', ...args, '--json'])
    expect(ended.code).toBe(code)
    expect(ProblemDocument.parse(JSON.parse(ended.stdout.toString())).problem.code).toBe(problemCode)
  })
})
