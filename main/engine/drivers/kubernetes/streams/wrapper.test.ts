import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readStatus } from './status'
import { isSameUser, readSwitch } from './user'
import { type WrappedCommand, wrapCommand } from './wrapper'

function run({ command, prologue }: WrappedCommand, input = '', shell = '/bin/sh') {
  const [, ...args] = command
  const { stdout, status } = spawnSync(shell, args, {
    encoding: 'utf8',
    input: Buffer.concat([prologue?.input ?? Buffer.alloc(0), Buffer.from(input)]),
  })
  return { stdout, status }
}

describe('wrapCommand', () => {
  it('sets folder, environment and marker, whatever characters they have, and keeps the exit code', () => {
    const odd = `a b'c"d$e\`f\\g*h\n\u00fc`
    const command = ['/bin/sh', '-c', 'printf "%s|" "$@" "$ODD" "$BERTH_EXEC" "$PWD"; exit 7', 'sh', odd, '']
    expect(run(wrapCommand({ command, cwd: '/usr', env: { ODD: odd } }, 'mark', []))).toEqual({
      stdout: `${odd}||${odd}|mark|/usr|`,
      status: 7,
    })
  })

  const shells = ['/bin/sh', '/bin/bash', '/bin/dash'].filter((shell) => existsSync(shell))
  it.each(shells)('gives values of any kind, and all of the input behind them (%s)', (shell) => {
    const env = {
      EMPTY: '',
      LINES: 'one\n\ntwo\n',
      CONTROL: 'a\u0001\u0003\u0004\t\r\u0016\u001b[0m\u007f\u0085z',
      LONG: `${"ü'\u{1F680}".repeat(3_000)}\n`,
      'odd-name.': '+.\n.',
    }
    const show = 'console.log(JSON.stringify([fs.readFileSync(0, "utf8"), process.env]))'
    const wrapped = wrapCommand({ command: [process.execPath, '-e', show], env }, 'mark', [])
    const [input, given] = JSON.parse(run(wrapped, 'input\n.\nrest', shell).stdout) as [string, typeof env]
    expect(input).toBe('input\n.\nrest')
    expect({ ...given, ...env }).toEqual(given)
    expect(Object.keys(given).filter((name) => name.startsWith('berth'))).toEqual([])
  })

  it('has no value in the command, and in its input nothing that a terminal would take for something else', () => {
    const env = { SECRET: 'pass\u0003word\n', 'odd.': 'pass\tword', LONG: 'ü'.repeat(5_000) }
    const { command, prologue } = wrapCommand(
      { command: ['true'], env, tty: { columns: 80, rows: 24 } },
      'mark',
      [],
    )
    expect(command.join('\n')).not.toMatch(/word|üü|SECRET/)
    const lines = prologue?.input.toString('utf8').split('\n') ?? []
    expect(lines.filter((line) => /\p{Cc}/u.test(line) || Buffer.byteLength(line) > 4_000)).toEqual([])
    expect(prologue?.told?.toString()).toBe('mark')
    expect(wrapCommand({ command: ['true'] }, 'mark', []).prologue).toBeUndefined()
  })

  it('runs nothing where its input breaks off before all of the environment has come', () => {
    const wrapped = wrapCommand({ command: ['echo', 'ran'], env: { A: 'b' } }, 'mark', [])
    const half = { ...wrapped, prologue: { input: Buffer.from("+export A='b") } }
    expect(run(half)).toEqual({ stdout: '', status: 126 })
  })

  it('passes variables on that a shell has no names for', () => {
    const { stdout } = run(wrapCommand({ command: ['env'], env: { 'a.b-c': "it's" } }, 'mark', []))
    expect(stdout).toContain("a.b-c=it's\n")
  })

  it.each([
    [{ command: ['/no/such/program'] }, 127],
    [{ command: ['/etc/passwd'] }, 126],
    [{ command: ['true'], cwd: '/no/such/folder' }, 126],
  ])('ends with %j as %d', (options, status) => {
    expect(run(wrapCommand(options, 'mark', [])).status).toBe(status)
  })
})

describe('users', () => {
  it('knows the container’s own user under all its names', () => {
    const identity = { uid: 1000, gid: 100, name: 'dev' }
    for (const user of ['dev', '1000', '1000:100', 'dev:100']) expect(isSameUser(user, identity)).toBe(true)
    for (const user of ['root', '0', '1000:0']) expect(isSameUser(user, identity)).toBe(false)
    expect(isSameUser('dev', undefined)).toBe(false)
  })

  it('reads how to become somebody, and why not', () => {
    expect(readSwitch('dev', 'same\n', 'x')).toEqual({ prefix: [] })
    expect(readSwitch('dev', 'setpriv\t1000\t100\tdev\t/home/dev\n', 'x')).toEqual({
      prefix: ['setpriv', '--reuid', '1000', '--regid', '100', '--init-groups', '--'],
      home: '/home/dev',
    })
    expect(readSwitch('7', 'setpriv\t7\t0\t\t/\n', 'x').prefix).toContain('--clear-groups')
    expect(readSwitch('dev', 'su\t1000\t100\tdev\t/home/dev\n', 'x').prefix).toContain('dev')
    const code = (answer: string) => {
      try {
        readSwitch('dev', answer, 'x')
      } catch (error) {
        return (error as { problem: { code: string } }).problem.code
      }
      return 'none'
    }
    expect(['absent', 'denied 1000', 'no-tool', ''].map(code)).toEqual([
      'user-not-found',
      'permission-denied',
      'unsupported',
      'unsupported',
    ])
  })
})

describe('readStatus', () => {
  const failure = (message: string) => JSON.stringify({ status: 'Failure', reason: 'InternalError', message })

  it.each([
    [JSON.stringify({ status: 'Success' }), { kind: 'exited', code: 0 }],
    [
      JSON.stringify({ status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '137' }] } }),
      { kind: 'exited', code: 137 },
    ],
    [
      failure('error executing command in container: exec: "x": executable file not found in $PATH: unknown'),
      { kind: 'not-started', code: 127 },
    ],
    [
      failure('OCI runtime exec failed: exec failed: exec: "/etc/passwd": permission denied: unknown'),
      { kind: 'not-started', code: 126 },
    ],
    [failure('container is not running'), { kind: 'failed', message: 'container is not running' }],
  ])('reads %s', (text, expected) => {
    expect(readStatus(text)).toMatchObject(expected)
  })

  it('takes nothing for a status that is none', () => {
    for (const text of ['', '{"status":"Succ', 'null', '7']) expect(readStatus(text)).toBeUndefined()
  })
})
