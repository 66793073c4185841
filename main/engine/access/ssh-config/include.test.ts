import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProblemError } from '#contract'
import { addInclude, hasInclude, removeInclude } from './include'

const line = 'Include "/home/me/.config/berth/ssh/config"'
let home: string
let file: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-include-test-'))
  mkdirSync(join(home, '.ssh'), { mode: 0o700 })
  file = join(home, '.ssh', 'config')
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const codeOf = (error: ProblemError) => error.problem.code

describe("the line in the user's configuration", () => {
  it.each([
    ['usual', 'Host one\n  User me\n'],
    ['empty', ''],
    ['without a last newline', 'Host one'],
    ['from Windows', 'Host one\r\n  User me\r\n'],
    ['of no encoding', '# \xff\xfe\x00\x80\nHost one\n'],
    ['with a line that is longer', `${line} # mine\n${line}2\n # ${line}\n`],
  ])('comes first in a file that is %s, and leaves it byte for byte', async (_, text) => {
    const before = Buffer.from(text, 'latin1')
    writeFileSync(file, before, { mode: 0o640 })
    expect(await hasInclude(file, line)).toBe(false)
    expect(await addInclude(file, line)).toBeUndefined()
    expect(await hasInclude(file, line)).toBe(true)
    expect(readFileSync(file)).toEqual(Buffer.concat([Buffer.from(`${line}\n`), before]))
    await removeInclude(file, line, undefined)
    expect(readFileSync(file)).toEqual(before)
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readdirSync(join(home, '.ssh'))).toEqual(['config'])
  })

  it('is there once, however often it is added', async () => {
    writeFileSync(file, `Host one\n${line}\n`)
    expect(await hasInclude(file, line)).toBe(false)
    await addInclude(file, line)
    await addInclude(file, line)
    expect(readFileSync(file, 'utf8')).toBe(`${line}\nHost one\n`)
  })

  it('is in effect below comments and other lines for all hosts', async () => {
    writeFileSync(file, `# mine\nInclude other\n${line}\nHost one\n`)
    expect(await hasInclude(file, line)).toBe(true)
  })

  it('makes the file that is missing, and takes it away again', async () => {
    expect(await addInclude(file, line)).toBe('file')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await removeInclude(file, line, 'file')
    expect(existsSync(file)).toBe(false)
    expect(existsSync(join(home, '.ssh'))).toBe(true)
  })

  it('makes the folder that is missing, and takes it away again', async () => {
    rmSync(join(home, '.ssh'), { recursive: true })
    expect(await addInclude(file, line)).toBe('folder')
    expect(statSync(join(home, '.ssh')).mode & 0o777).toBe(0o700)
    await removeInclude(file, line, 'folder')
    expect(readdirSync(home)).toEqual([])
  })

  it('leaves a file that it made and that has more in it by now', async () => {
    const made = await addInclude(file, line)
    writeFileSync(file, `${line}\nHost mine\n`)
    await removeInclude(file, line, made)
    expect(readFileSync(file, 'utf8')).toBe('Host mine\n')
  })

  it('goes where a link leads, and leaves the link', async () => {
    const real = join(home, 'dotfiles')
    writeFileSync(real, 'Host one\n', { mode: 0o644 })
    symlinkSync('../dotfiles', file)
    await addInclude(file, line)
    expect(lstatSync(file).isSymbolicLink()).toBe(true)
    expect(readFileSync(real, 'utf8')).toBe(`${line}\nHost one\n`)
    await removeInclude(file, line, undefined)
    expect([readFileSync(real, 'utf8'), statSync(real).mode & 0o777]).toEqual(['Host one\n', 0o644])
  })

  it('is not written through a link that leads nowhere, or over something that is no file', async () => {
    symlinkSync('nowhere', file)
    expect(await addInclude(file, line).catch(codeOf)).toBe('permission-denied')
    rmSync(file)
    mkdirSync(file)
    expect(await addInclude(file, line).catch(codeOf)).toBe('permission-denied')
    expect(await hasInclude(file, line).catch(codeOf)).toBe('permission-denied')
  })

  it('is not put into a file that may not be written', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may write whatever it likes')
    writeFileSync(file, 'Host one\n')
    chmodSync(file, 0o400)
    expect(await addInclude(file, line).catch(codeOf)).toBe('permission-denied')
    expect(readFileSync(file, 'utf8')).toBe('Host one\n')
  })

  it('is no trouble to take out where it is not', async () => {
    await removeInclude(file, line, undefined)
    expect(existsSync(file)).toBe(false)
    writeFileSync(file, 'Host one\n')
    await removeInclude(file, line, 'folder')
    expect(readFileSync(file, 'utf8')).toBe('Host one\n')
  })
})
