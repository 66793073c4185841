import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { VariablesDocument } from '../../cli/documents'
import { TEST_IMAGES } from '../harness/images'
import { type SecretService, startSecretService } from '../harness/secret-service'
import { type CommandLine, commandLine, uniqueName } from './berth'

const STORED = 'st0red-in-the-keychain'
const GIVEN = 'g1ven-for-this-creation'
const LATER = 'l4ter-while-it-runs'
const name = uniqueName('env')
let berth: CommandLine
let service: SecretService
let folder: string

const has = (program: string) => spawnSync('which', [program]).status === 0

beforeAll(async () => {
  expect(['secret-tool', 'gnome-keyring-daemon', 'dbus-daemon'].filter((each) => !has(each))).toEqual([])
  berth = await commandLine()
  service = await startSecretService(berth.home)
  folder = join(berth.home, 'app')
  await mkdir(join(folder, '.devcontainer'), { recursive: true })
  await writeFile(
    join(folder, '.devcontainer', 'devcontainer.json'),
    JSON.stringify({
      image: TEST_IMAGES.debian,
      secrets: { STORED_TOKEN: { description: 'For tests' }, MISSING_TOKEN: {} },
      remoteEnv: { PLAIN: 'of the definition', OTHER: 'kept' },
      postCreateCommand: 'echo "create has $STORED_TOKEN and $GIVEN_TOKEN" | tee /tmp/created',
    }),
  )
}, 60_000)
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await service.dispose()
  await berth.dispose()
})

const run = (args: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}) =>
  berth.run(args, { env: { ...service.env, ...env }, ...(input === undefined ? {} : { input }) })
const inside = async (line: string) => {
  const { stdout, stderr, code } = await run(['exec', name, '--', 'sh', '-c', line])
  expect(code, stderr).toBe(0)
  return stdout.toString()
}
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' })
const container = () =>
  docker('ps', '-aq', '--filter', `label=berth.dev/name=${name}`).trim().split('\n')[0] ?? ''

/** Texts of all files below a folder. */
async function texts(root: string): Promise<string> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1')))).join(
    '',
  )
}

/** Command lines of this machine's processes, those of containers included, looked at again and again. */
const seen = new Set<string>()
async function watchProcesses(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const id of await readdir('/proc'))
      if (/^\d+$/.test(id)) seen.add(await readFile(`/proc/${id}/cmdline`, 'latin1').catch(() => ''))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('variables and secrets', () => {
  let output: string

  it('are set for the user, a project and one creation, and all of it has them', async () => {
    const watching = new AbortController()
    const watched = watchProcesses(watching.signal)
    const plain = await run(['env', 'set', 'PLAIN=of the user'])
    expect(plain.code, plain.stderr).toBe(0)
    const secret = await run(['env', 'set', 'STORED_TOKEN', '--secret', '--project', folder], `${STORED}\n`)
    expect(secret.code, secret.stderr).toBe(0)
    const up = await run(['up', folder, '--name', name, '--secret', 'GIVEN_TOKEN'], '', {
      GIVEN_TOKEN: GIVEN,
      BERTH_LOG: '1',
    })
    expect(up.code, up.stderr).toBe(0)
    output = up.stderr + up.stdout.toString()
    expect(up.stderr).toContain('MISSING_TOKEN has no value')
    expect(await inside('echo "$PLAIN, $OTHER, $STORED_TOKEN, $GIVEN_TOKEN"')).toBe(
      `of the user, kept, ${STORED}, ${GIVEN}\n`,
    )
    watching.abort()
    await watched
    // It has seen what it was to see.
    expect([...seen].some((line) => line.includes('berth.js\0up'))).toBe(true)
    await expect
      .poll(() => inside('cat /tmp/created 2>/dev/null || true'))
      .toBe(`create has ${STORED} and ${GIVEN}\n`)
  })

  it('lose to what a command is given, and hold in login shells', async () => {
    const { stdout } = await run([
      'exec',
      name,
      '-e',
      'PLAIN=of the command',
      '--',
      'sh',
      '-c',
      'echo "$PLAIN"',
    ])
    expect(stdout.toString()).toBe('of the command\n')
    const shell = await run(['exec', name, '--', 'bash', '-lc', 'echo "$STORED_TOKEN"'])
    expect(shell.stdout.toString()).toBe(`${STORED}\n`)
  })

  it('are in no place that shows them', async () => {
    const id = container()
    const marks = [STORED, GIVEN]
    const places: Record<string, string> = {
      'what the command printed and logged': output,
      'docker inspect': docker('inspect', id),
      'the container’s log': docker('logs', id),
      'files of Berth on this machine': await texts(berth.home),
      'processes of this machine, up to now': [...seen]
        .filter((line) => marks.some((mark) => line.includes(mark)))
        .join('\n'),
      'processes of the workspace': docker('top', id, '-eo', 'pid,args'),
      'environment of its first process': await inside("tr '\\0' '\\n' </proc/1/environ"),
      'files of its layer': docker('diff', id),
    }
    for (const [where, text] of Object.entries(places))
      for (const mark of marks) {
        expect(text, where).not.toContain(mark)
        expect(text, where).not.toContain(Buffer.from(mark).toString('base64').slice(0, 20))
      }
    expect(await inside("stat -c '%a %U' /dev/shm/berth-variables-*")).toMatch(/^400 \w+\n$/)
    // It is in memory: neither an image nor a volume can have it.
    expect(await inside('awk \'$2 == "/dev/shm" { print $3 }\' /proc/mounts')).toBe('tmpfs\n')
  })

  it('are listed without secret values', async () => {
    const { stdout } = await run(['env', 'list', '--project', folder, '--json'])
    expect(VariablesDocument.parse(JSON.parse(stdout.toString()))).toEqual({
      variables: [{ name: 'STORED_TOKEN', secret: true, value: null }],
    })
    const user = await run(['env', 'list'])
    expect(user.stdout.toString()).toMatch(/PLAIN +of the user/)
  })

  it('change at once while it runs, and are there again after a restart', async () => {
    const set = await run(['env', 'set', 'STORED_TOKEN', '--secret', '--workspace', name], LATER)
    expect(set.stderr).toContain(name)
    expect(await inside('echo "$STORED_TOKEN"')).toBe(`${LATER}\n`)
    expect((await run(['env', 'unset', 'PLAIN'])).code).toBe(0)
    expect(await inside('echo "$PLAIN"')).toBe('of the definition\n')
    const again = await run(['restart', name])
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringContaining('GIVEN_TOKEN was given for the creation alone'),
    ])
    // What was given for the creation was in memory alone.
    expect(await inside('echo "$STORED_TOKEN, $GIVEN_TOKEN"')).toBe(`${LATER}, \n`)
    expect((await run(['env', 'unset', 'STORED_TOKEN', '--workspace', name])).code).toBe(0)
    expect(await inside('echo "$STORED_TOKEN"')).toBe(`${STORED}\n`)
  })

  it('that another computer does not know are missed, and it works all the same', async () => {
    const other = await commandLine()
    try {
      expect((await run(['stop', name])).code).toBe(0)
      const start = await other.run(['start', name])
      expect(start.code, start.stderr).toBe(0)
      const { stdout } = await other.run(['exec', name, '--', 'sh', '-c', 'echo "<$STORED_TOKEN>"'])
      expect(stdout.toString()).toBe('<>\n')
      // From here they are there again.
      expect((await run(['restart', name])).code).toBe(0)
      const again = await other.run(['exec', name, '--', 'sh', '-c', 'echo "<$STORED_TOKEN>"'])
      expect(again.stdout.toString()).toBe(`<${STORED}>\n`)
    } finally {
      await other.dispose()
    }
  })

  it('are no arguments, and no names that a workspace needs', async () => {
    for (const args of [
      ['env', 'set', 'TOKEN=value', '--secret'],
      ['env', 'set', 'PATH=/bin'],
      ['env', 'set', 'no-name=x'],
      ['env', 'set', 'A=b', '--user', '--workspace', name],
      ['up', '--image', TEST_IMAGES.debian, '--secret', 'NOT_THERE_AT_ALL'],
    ])
      expect((await run(args)).code, args.join(' ')).toBe(2)
  })

  it('cannot be kept where there is no keychain, and that is said', async () => {
    const { code, stderr } = await berth.run(['env', 'set', 'TOKEN', '--secret'], {
      input: 'value',
      env: { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' },
    })
    expect(code).toBe(1)
    expect(stderr).toContain('keychain')
    expect((await run(['env', 'list'])).stdout.toString()).not.toContain('TOKEN')
  })
})
