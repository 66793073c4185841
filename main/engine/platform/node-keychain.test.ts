import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { toProblem } from '#contract'
import { createNodeKeychain } from './node-keychain'
import { nodeProcesses } from './node-processes'
import type { Processes, RunResult } from './processes'

const here = (program: string) => spawnSync('which', [program]).status === 0
const hasService = ['secret-tool', 'gnome-keyring-daemon', 'dbus-daemon'].every(here)
const home = mkdtempSync(join(tmpdir(), 'keychain-test-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** Answers like a program, and remembers what it was asked. */
function recorder(answer: (args: readonly string[], input: string | undefined) => Partial<RunResult>) {
  const calls: { command: string; args: readonly string[]; input: string | undefined }[] = []
  const processes: Processes = {
    ...nodeProcesses,
    run: async (command, args, options) => {
      calls.push({ command, args, input: options?.input })
      return { code: 0, stdout: '', stderr: '', ...answer(args, options?.input) }
    },
  }
  return { calls, processes }
}

describe.skipIf(!hasService)('with a secret service', () => {
  let env: Record<string, string | undefined>
  let bus: ReturnType<typeof spawn>
  let daemon: ReturnType<typeof spawn>

  beforeAll(async () => {
    mkdirSync(join(home, '.cache'), { recursive: true })
    const address = `unix:path=${join(home, 'bus')}`
    env = { PATH: process.env.PATH, HOME: home, DBUS_SESSION_BUS_ADDRESS: address }
    // One that starts nothing by itself: where it is asked too early, that is another daemon, which is locked.
    const config = join(home, 'bus.conf')
    writeFileSync(
      config,
      `<busconfig><type>session</type><listen>${address}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`,
    )
    bus = spawn('dbus-daemon', [`--config-file=${config}`, '--print-address', '--nofork'], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => bus.stdout?.once('data', resolve))
    daemon = spawn('gnome-keyring-daemon', ['--unlock', '--components=secrets', '--foreground'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    daemon.stdin?.end('a password')
    // What it prints comes before it can be asked.
    const keychain = createNodeKeychain({ processes: nodeProcesses, env, folder: home, system: 'linux' })
    await vi.waitFor(() => keychain.get('nobody'))
  })
  afterAll(async () => {
    const ended = [daemon, bus].map((child) => once(child, 'exit'))
    daemon.kill()
    bus.kill()
    await Promise.all(ended)
  })

  it('keeps any text, gives it back, and forgets it', async () => {
    const keychain = createNodeKeychain({ processes: nodeProcesses, env, folder: home, system: 'linux' })
    const secret = `  two\nlines, “quotes”, $HOME and ${'long '.repeat(4_000)}\n`
    expect(await keychain.get('one')).toBeUndefined()
    await keychain.set('one', secret, 'Berth: ONE')
    await keychain.set('two', '', 'Berth: TWO')
    expect(await keychain.get('one')).toBe(secret)
    expect(await keychain.get('two')).toBe('')
    await keychain.set('one', 'another', 'Berth: ONE')
    expect(await keychain.get('one')).toBe('another')
    await keychain.remove('one')
    await keychain.remove('one')
    expect(await keychain.get('one')).toBeUndefined()
  })
})

describe('without a secret service', () => {
  it('says what to install where the program is missing', async () => {
    const env = { PATH: join(home, 'nothing'), HOME: home }
    const keychain = createNodeKeychain({ processes: nodeProcesses, env, folder: home, system: 'linux' })
    const found = toProblem(await keychain.set('one', 'value', 'ONE').catch((error: unknown) => error))
    expect(found).toMatchObject({
      code: 'keychain-unavailable',
      remedy: expect.stringContaining('libsecret-tools'),
    })
  })

  it('tells one that is not there from a keychain that does not answer', async () => {
    const { processes } = recorder(() => ({ code: 1, stderr: 'Cannot autolaunch D-Bus\n' }))
    const keychain = createNodeKeychain({ processes, env: {}, folder: home, system: 'linux' })
    const found = toProblem(await keychain.get('one').catch((error: unknown) => error))
    expect(found).toMatchObject({
      code: 'keychain-unavailable',
      cause: expect.stringContaining('Cannot autolaunch D-Bus'),
    })
  })
})

// The programs of these systems are not here: what is said to them is what can be checked.
describe('on other systems', () => {
  const secret = `s3cret ${'x'.repeat(10_000)}`

  it('gives macOS lines that it can read, and no secret as an argument', async () => {
    const kept = new Map<string, string>()
    const { calls, processes } = recorder((args, input) => {
      const [, account, value] = /-a (\S+) .*-w (\S+)\n$/.exec(input ?? '') ?? []
      if (account && value) kept.set(account, value)
      const asked = args[args.indexOf('-a') + 1] ?? ''
      if (args[0] === 'find-generic-password')
        return kept.has(asked) ? { stdout: `${kept.get(asked)}\n` } : { code: 44, stderr: 'not found' }
      if (args[0] === 'delete-generic-password') return kept.delete(asked) ? {} : { code: 44 }
      return {}
    })
    const keychain = createNodeKeychain({ processes, env: {}, folder: home, system: 'darwin' })
    await keychain.set('one', secret, 'Berth: "ONE"')
    expect(await keychain.get('one')).toBe(secret)
    for (const { input } of calls) expect(input?.length ?? 0).toBeLessThan(4_096)
    const words = JSON.stringify(calls.map(({ args }) => args))
    expect(words).not.toContain('s3cret')
    expect(words).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12))
    await keychain.remove('one')
    expect([...kept]).toEqual([])
    expect(await keychain.get('one')).toBeUndefined()
  })

  it('has Windows encrypt what a file keeps', async () => {
    const turned = (text = '') => [...text].reverse().join('')
    const { calls, processes } = recorder((_args, input) => ({ stdout: turned(input) }))
    const keychain = createNodeKeychain({ processes, env: {}, folder: home, system: 'win32' })
    expect(await keychain.get('one')).toBeUndefined()
    await keychain.set('one', 's3cret', 'Berth: ONE')
    expect(await keychain.get('one')).toBe('s3cret')
    expect(JSON.stringify(calls.map(({ args }) => args))).not.toContain('s3cret')
    await keychain.remove('one')
    expect(await keychain.get('one')).toBeUndefined()
  })
})
