import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
let config: string
const name = uniqueName('ssh')
const host = `${name}.berth`
const mine = '# mine\nHost other\n  User me\n'

beforeAll(async () => {
  berth = await commandLine()
  config = join(berth.home, '.ssh', 'config')
  await mkdir(join(berth.home, '.ssh'), { mode: 0o700 })
  await writeFile(config, mine, { mode: 0o600 })
  const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** A client of OpenSSH, with the configuration of this test's home: its own knows the account's alone. */
const client = (program: string, args: readonly string[], input = '') =>
  tryCommand(program, ['-F', config, ...args], { env: berth.env, input })

describe('berth ssh', () => {
  it('runs a command by the OpenSSH client, with its input and exit code', async () => {
    const { code, stdout, stderr } = await berth.run(['ssh', name, '--', 'cat; exit 5'], { input: 'in' })
    expect([code, stdout.toString(), stderr]).toEqual([5, 'in', ''])
  })

  it('opens a shell in a terminal', async () => {
    const { child, prints, ended } = berth.terminal(['ssh', name])
    await prints(/[$#] /)
    child.stdin.write('echo "in $(hostname)"; exit 6\n')
    await prints(new RegExp(`in ${name}`))
    expect((await ended).code).toBe(6)
  })

  it('passes options on to the client', async () => {
    const { code, stdout } = await berth.run(['ssh', name, '-o', 'SetEnv=WORD=word', 'echo', '$WORD'])
    expect([code, stdout.toString()]).toEqual([0, 'word\n'])
  })
})

describe('ssh <workspace>.berth', () => {
  it('works once a line is in the configuration, and that goes as it came', async () => {
    const before = await client('ssh', ['-o', 'ConnectTimeout=5', host, 'true'])
    expect(before.code).toBe(255)
    expect((await berth.run(['ssh-config', 'install'])).code).toBe(0)
    const [first] = (await readFile(config, 'utf8')).split('\n')
    expect(first).toMatch(/^Include ".*\/berth\/ssh\/config"$/)
    const ran = await client('ssh', [host, 'cat; exit 4'], 'in and out')
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([4, 'in and out', ''])
    const user = await client('ssh', [`${name}.default.berth`, 'id -un'])
    expect(user.code).toBe(0)
    await berth.run(['ssh-config', 'remove'])
    expect(await readFile(config, 'utf8')).toBe(mine)
    await berth.run(['ssh-config', 'install'])
  })

  it('copies files both ways', async () => {
    const [from, back] = [join(berth.home, 'from'), join(berth.home, 'back')]
    const bytes = randomBytes(5_000_000)
    await writeFile(from, bytes)
    expect((await client('scp', [from, `${host}:/tmp/there`])).code).toBe(0)
    expect((await client('scp', [`${host}:/tmp/there`, back])).code).toBe(0)
    expect(digest(await readFile(back))).toBe(digest(bytes))
  })

  it('goes through a Berth that runs, and without one when that has gone', async () => {
    const serving = berth.start(['serve', name])
    await serving.prints(/Serving until/)
    const door = () => tryCommand('sh', ['-c', 'ls "$HOME/.local/state/berth/gateways"'], { env: berth.env })
    // It opens beside all else, and nobody waits for it.
    await expect.poll(async () => (await door()).stdout).toMatch(/\.json\n.*\.sock\n/)
    expect((await client('ssh', [host, 'echo through'])).stdout).toBe('through\n')
    const staying = tryCommand('ssh', ['-F', config, host, 'echo there; sleep 1000'], { env: berth.env })
    // Not any sleep: the workspace itself may wait by one.
    const sleeping = async () => (await client('ssh', [host, 'pgrep -xf "sleep 1000"'])).stdout
    await expect.poll(sleeping).not.toBe('')
    serving.child.kill('SIGTERM')
    await serving.ended
    expect((await staying).code).toBe(255)
    expect((await door()).stdout).toBe('')
    expect((await client('ssh', [host, 'echo without'])).stdout).toBe('without\n')
  })

  it('says which workspace there is not', async () => {
    const { code, stderr } = await client('ssh', ['no-such.berth', 'true'])
    expect([code, stderr]).toEqual([255, expect.stringContaining('There is no workspace “no-such.berth”')])
  })

  it('leaves a workspace that is stopped as it is, unless it is told to start it', async () => {
    await berth.run(['stop', name])
    const { code, stderr } = await client('ssh', [host, 'true'])
    expect([code, stderr]).toEqual([255, expect.stringContaining(`${name} is stopped`)])
    expect((await berth.run(['list'])).stdout.toString()).toMatch(new RegExp(`${name} +stopped`))
    const started = await berth.run(['ssh', '--start', name, '--', 'echo started'])
    expect([started.code, started.stdout.toString()]).toEqual([0, 'started\n'])
  })
})
