import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { packContext } from './context'

let top: string
let folder: string

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'berth-context-'))
  folder = join(top, 'repository')
  mkdirSync(join(folder, 'app'), { recursive: true })
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n')
  writeFileSync(join(folder, 'app', 'secret'), 'hunter2')
})

afterEach(() => rmSync(top, { recursive: true, force: true }))

const packed = async (context = '.') => text((await packContext(folder, context, 'Dockerfile')).tar)

it('takes what is left out from a link inside of the repository', async () => {
  writeFileSync(join(folder, 'ignored'), 'secret\n')
  symlinkSync('../ignored', join(folder, 'app', '.dockerignore'))
  expect(await packed('app')).not.toContain('hunter2')
})

it.each([
  ['/dev/zero', 'leads out of the repository'],
  ['../outside', 'leads out of the repository'],
  ['nowhere', 'There is no'],
])('refuses a .dockerignore that is a link to %s, with what it would leave out', async (target, cause) => {
  writeFileSync(join(top, 'outside'), 'app\n')
  symlinkSync(target, join(folder, '.dockerignore'))
  await expect(packed()).rejects.toMatchObject({
    problem: { code: 'build-failed', cause: expect.stringContaining(cause) },
  })
})

it('refuses one of a Dockerfile that leads out as well', async () => {
  symlinkSync('/dev/zero', join(folder, 'Dockerfile.dockerignore'))
  await expect(packed()).rejects.toMatchObject({ problem: { code: 'build-failed' } })
})

it('refuses texts that are too long to be texts', async () => {
  writeFileSync(join(folder, '.dockerignore'), '')
  truncateSync(join(folder, '.dockerignore'), 8 * 2 ** 30)
  await expect(packed()).rejects.toMatchObject({
    problem: { cause: expect.stringContaining('longer than') },
  })
})

it.skipIf(process.platform === 'win32')('waits for no pipe in the place of a file', async () => {
  execFileSync('mkfifo', [join(folder, '.dockerignore'), join(folder, 'app', 'Dockerfile')])
  expect(await packed()).toContain('hunter2')
  const { tar } = await packContext(folder, '.', 'app/Dockerfile')
  expect(await text(tar)).toContain('hunter2')
})
