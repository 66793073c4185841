import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProblemError } from '#contract'
import { readKeyFiles, sshPaths } from './key-files'
import { newKeyPair, publicLine, readPrivateKey, writePrivateKey } from './key-pair'

const isPosix = process.platform !== 'win32'
const hasKeygen = isPosix && !spawnSync('ssh-keygen', ['-?']).error

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-keys-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a private key', () => {
  it('is read as it was written', () => {
    for (let round = 0; round < 50; round++) {
      const pair = newKeyPair()
      const read = readPrivateKey(writePrivateKey(pair, 'a comment of any length'.slice(0, round % 23)))
      expect(read?.publicBlob).toEqual(pair.publicBlob)
      expect(read?.privateKey.equals(pair.privateKey)).toBe(true)
    }
  })

  it.skipIf(!hasKeygen)('is one that OpenSSH reads, and the other way round', () => {
    const file = join(folder, 'key')
    const pair = newKeyPair()
    writeFileSync(file, writePrivateKey(pair, 'comment'), { mode: 0o600 })
    expect(execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' })).toBe(
      `${publicLine(pair)} comment\n`,
    )
    const theirs = join(folder, 'theirs')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'x', '-f', theirs])
    const read = readPrivateKey(readFileSync(theirs, 'utf8'))
    expect(read && `${publicLine(read)} x\n`).toBe(readFileSync(`${theirs}.pub`, 'utf8'))
  })

  it('is not taken from anything else', () => {
    const text = writePrivateKey(newKeyPair(), 'comment')
    const lines = text.split('\n')
    expect(readPrivateKey('')).toBeUndefined()
    expect(readPrivateKey(text.slice(0, 200))).toBeUndefined()
    for (let at = 1; at < lines.length - 2; at++) {
      const without = lines.filter((_, index) => index !== at).join('\n')
      expect(readPrivateKey(without)).toBeUndefined()
    }
  })
})

describe("this installation's keys", () => {
  it('are made once, and are for nobody else', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => readKeyFiles(folder)))
    const again = await readKeyFiles(folder)
    for (const { clientKey, hostKey } of all) {
      expect(clientKey.publicBlob).toEqual(again.clientKey.publicBlob)
      expect(hostKey.publicBlob).toEqual(again.hostKey.publicBlob)
    }
    expect(again.clientKey.publicBlob).not.toEqual(again.hostKey.publicBlob)
    const { clientKey, hostKey } = again.paths
    if (isPosix)
      expect([clientKey, hostKey].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600])
  })

  it.skipIf(!isPosix)('become private again where somebody opened them', async () => {
    const { paths } = await readKeyFiles(folder)
    chmodSync(paths.clientKey, 0o644)
    await readKeyFiles(folder)
    expect(statSync(paths.clientKey).mode & 0o777).toBe(0o600)
  })

  it('that are broken are said to be, and left', async () => {
    await readKeyFiles(folder)
    const { hostKey } = sshPaths(folder)
    writeFileSync(hostKey, 'something else')
    const { problem } = await readKeyFiles(folder).then(
      () => ({ problem: undefined }),
      (error: ProblemError) => error,
    )
    expect([problem?.code, problem?.cause]).toEqual(['settings-invalid', expect.stringContaining(hostKey)])
    expect(readFileSync(hostKey, 'utf8')).toBe('something else')
  })
})
