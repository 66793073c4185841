import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { readStatus } from './status'
import { isSameUser, readSwitch } from './user'
import { wrapCommand } from './wrapper'

function run(command: readonly string[]) {
  const [program = '', ...args] = command
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' })
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
