import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { imageDefinition, type Workspace } from '#contract'
import type { ExecProcess } from '../drivers/driver'
import { prepareExec } from './environment'
import { askingLine, keeping, keptPlace, wasKept } from './kept-environment'

const hasMemory = existsSync('/dev/shm')
const shells = [['sh'], ['bash'], ['busybox', 'sh']].filter(
  ([program = '', ...args]) => spawnSync(program, [...args, '-c', 'true']).status === 0,
)
const variables = { PLAIN: 'a b', ODD: 'it\'s $HOME `x`\n"two" lines\\', GIVEN: 'by the shell', REMOTE: 'no' }

let home: string
let workspace: Workspace
const bashrc = () => join(home, '.bashrc')

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-kept-'))
  writeFileSync(bashrc(), '')
  utimesSync(bashrc(), 1_000_000, 1_000_000)
  workspace = {
    id: `t${randomBytes(5).toString('hex')}`,
    incarnation: 'first',
    definition: { ...imageDefinition('x', 'x'), workspaceFolder: home, remoteEnv: { REMOTE: 'yes' } },
    user: { name: 'dev', uid: process.getuid?.() ?? 0, gid: 0, home, shell: '/bin/bash' },
  } as unknown as Workspace
})
afterEach(async () => {
  for (const name of left()) rmSync(join('/dev/shm', name))
  await rm(home, { recursive: true, force: true })
})

const left = () => readdirSync('/dev/shm').filter((name) => name.includes(workspace.id))
const run = (shell: readonly string[], script: string, args: string[], env: NodeJS.ProcessEnv) => {
  const [program = '', ...rest] = shell
  return spawnSync(program, [...rest, '-c', script, ...args], { env: { PATH: process.env.PATH, ...env } })
}

/** As the command after a shell was asked does it. */
function keep(shell: readonly string[]): void {
  const mark = randomBytes(16).toString('hex')
  const place = keptPlace(workspace)
  run(shell, askingLine(place, mark), [], { HOME: home })
  const kept = keeping(place, mark, variables)
  const { command, env } = prepareExec(workspace, { command: ['env', '-0'] }, {}, true, variables, {
    keeping: kept,
  })
  const [, , script = '', ...args] = command
  const { stdout, status } = run(shell, script, args, env ?? {})
  expect(status).toBe(0)
  expect(stdout.toString()).toContain(`\0PLAIN=a b\0`)
  expect(stdout.toString()).not.toContain('BERTH_KEPT')
}

/** What a command of another process has, or undefined where nothing is kept that holds. */
function read(shell: readonly string[]): Map<string, string> | undefined {
  const mark = randomBytes(16).toString('hex')
  const reading = { ...keptPlace(workspace), mark }
  const options = { command: ['env', '-0'], env: { GIVEN: 'here' } }
  const { command, env } = prepareExec(workspace, options, {}, true, {}, { reading })
  const [, , script = '', ...args] = command
  const { stdout, stderr, status } = run(shell, script, args, env ?? {})
  expect([status, stderr.toString()]).toEqual([0, ''])
  const said = stdout.toString()
  if (said === `M${mark}`) return undefined
  expect(said.slice(0, 33)).toBe(`H${mark}`)
  return new Map(
    said
      .slice(33)
      .split('\0')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

describe.skipIf(!hasMemory).each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'by %s, the kept environment',
  (_name, shell) => {
    it('is there as it was, below what was asked for and what the definition says, and the user’s alone', () => {
      expect(read(shell)).toBeUndefined()
      keep(shell)
      const found = read(shell)
      expect(found).toMatchObject({ size: expect.any(Number) })
      expect(['PLAIN', 'ODD', 'GIVEN', 'REMOTE', 'HOME'].map((name) => found?.get(name))).toEqual([
        variables.PLAIN,
        variables.ODD,
        'here',
        'yes',
        home,
      ])
      expect([...(found?.keys() ?? [])].filter((name) => name.startsWith('berth_'))).toEqual([])
      const file = keptPlace(workspace).file
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(left()).toEqual([file.slice('/dev/shm/'.length)])
    })

    it('holds no longer when a file that shells read has changed, is new or is gone, in another run, and after a while', () => {
      keep(shell)
      expect(read(shell)).toBeDefined()
      utimesSync(bashrc(), Date.now() / 1000 + 5, Date.now() / 1000 + 5)
      expect(read(shell)).toBeUndefined()
      utimesSync(bashrc(), 1_000_000, 1_000_000)
      expect(read(shell)).toBeDefined()
      writeFileSync(join(home, '.profile'), '')
      utimesSync(join(home, '.profile'), 1_000_000, 1_000_000)
      expect(read(shell)).toBeUndefined()
      rmSync(join(home, '.profile'))
      expect(read(shell)).toBeDefined()

      workspace = { ...workspace, incarnation: 'second' }
      expect(read(shell)).toBeUndefined()
      workspace = { ...workspace, incarnation: 'first' }

      const { file } = keptPlace(workspace)
      const text = readFileSync(file, 'utf8')
      const { mtime } = statSync(file)
      for (const [shift, holds] of [
        [-290, true],
        [-310, false],
        [60, false],
      ] as const) {
        writeFileSync(
          file,
          text.replace(/berth_now - (\d+)/g, (_all, at) => `berth_now - ${Number(at) + shift}`),
        )
        utimesSync(file, mtime, mtime)
        expect([shift, read(shell) !== undefined]).toEqual([shift, holds])
      }
    })
  },
)

it('what is too much is not kept', () => {
  expect(keeping(keptPlace(workspace), 'x', { LONG: 'x'.repeat(100_000) })).toBeUndefined()
})

describe('the mark', () => {
  const mark = 'ab'.repeat(16)
  const ofOutput = (...chunks: string[]) => {
    const stdout = new PassThrough()
    for (const chunk of chunks) stdout.write(chunk)
    return {
      stdout,
      asked: wasKept({ stdout } as unknown as ExecProcess, mark, new AbortController().signal),
    }
  }

  it('is taken off what the command prints, however it comes', async () => {
    const { stdout, asked } = ofOutput('H', mark.slice(0, 7))
    stdout.write(`${mark.slice(7)}out`)
    expect(await asked).toBe(true)
    stdout.end('put')
    let text = ''
    for await (const chunk of stdout) text += String(chunk)
    expect(text).toBe('output')
  })

  it('that is another one, or does not come, is a no', async () => {
    expect(await ofOutput(`M${mark}`).asked).toBe(false)
    const { stdout, asked } = ofOutput('H')
    stdout.end()
    expect(await asked).toBe(false)
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(
      wasKept({ stdout: new PassThrough() } as unknown as ExecProcess, mark, aborted),
    ).rejects.toThrow('enough')
  })

  it('leaves a stream that can be read in any way', async () => {
    const child = spawn('sh', ['-c', `printf %s H${mark}; cat`], { stdio: ['pipe', 'pipe', 'inherit'] })
    expect(await wasKept(child as unknown as ExecProcess, mark, new AbortController().signal)).toBe(true)
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    const bytes = randomBytes(200_000)
    child.stdin.end(bytes)
    await new Promise((resolve) => child.on('close', resolve))
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
  })
})
