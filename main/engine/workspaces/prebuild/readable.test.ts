import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { imageDefinition } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import { requireReadable } from './readable'

/** Nobody is kept from reading as root, so it is run as somebody else where that can be. */
const uid = process.getuid?.() === 0 ? 65534 : (process.getuid?.() ?? 1)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-readable-'))
  chmodSync(folder, 0o755)
  for (const name of ['source', 'home']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'source', 'file with spaces'), '')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const exec: Driver['exec'] = async (_id, { command: [program = '', ...args] }) => {
  const own = process.getuid?.() === 0 ? { uid, gid: uid } : {}
  const child = spawn(program, args, { cwd: '/', ...own })
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exit: once(child, 'close').then(([code]) => ({ code: code as number })),
    resize: async () => undefined,
    kill: async () => undefined,
    destroy: () => child.kill(),
  }
}
const check = () => {
  const user = { name: 'dev', uid, gid: uid, home: join(folder, 'home') }
  const image = {
    reference: 'x',
    id: 'x',
    user,
    imageUser: '',
    env: {},
    hasShell: true,
    built: false,
    services: {},
  }
  const spec: WorkspaceSpec = {
    id: 'tabcdefghi',
    name: 'app',
    owner: '',
    source: { kind: 'image', image: 'x' },
    definition: imageDefinition('x', 'app'),
    image,
    sourceFolder: join(folder, 'source'),
    createdAt: 0,
  }
  return requireReadable({ exec }, spec, new AbortController().signal)
}

describe('what the user of a workspace has to copy', () => {
  it('is content with what they may read', async () => {
    await expect(check()).resolves.toBeUndefined()
  })

  it.each(['source/hidden', 'home/hidden'])('names %s where they may not', async (path) => {
    writeFileSync(join(folder, path), 'x', { mode: 0 })
    await expect(check()).rejects.toMatchObject({
      problem: { code: 'permission-denied', cause: expect.stringContaining(join(folder, path)) },
    })
  })

  it('names a folder that they may not look into', async () => {
    mkdirSync(join(folder, 'home/private'), { mode: 0o700 })
    if (process.getuid?.() === 0) chownSync(join(folder, 'home/private'), 0, 0)
    else chmodSync(join(folder, 'home/private'), 0)
    await expect(check()).rejects.toMatchObject({
      problem: { cause: expect.stringContaining(join(folder, 'home/private')) },
    })
    chmodSync(join(folder, 'home/private'), 0o700)
  })
})
