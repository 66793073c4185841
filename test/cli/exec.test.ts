import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
const name = uniqueName('exec')

beforeAll(async () => {
  berth = await commandLine()
  const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** What still runs in the workspace with a text in its arguments. */
async function processesNaming(text: string): Promise<string> {
  const script = `pgrep -af "\\$1" | grep -v pgrep; true`.replace('\\', '')
  return (await berth.run(['exec', name, '--', 'sh', '-c', script, 'sh', text])).stdout.toString()
}

describe('berth exec', () => {
  it('passes exact bytes in and out, and end of file', async () => {
    const input = randomBytes(1_000_000)
    const { code, stdout } = await berth.run(['exec', name, '--', 'cat'], { input })
    expect(code).toBe(0)
    expect(stdout.length).toBe(input.length)
    expect(digest(stdout)).toBe(digest(input))
  })

  it('keeps stdout and stderr apart, and goes on with output after the end of its input', async () => {
    const script = 'cat >/dev/null; echo out; echo err >&2'
    const { stdout, stderr } = await berth.run(['exec', name, '--', 'sh', '-c', script], { input: 'x' })
    expect([stdout.toString(), stderr]).toEqual(['out\n', 'err\n'])
  })

  it.each([
    ['its own', ['sh', '-c', 'exit 7'], 7],
    ['of a signal', ['sh', '-c', 'kill -TERM $$'], 143],
    ['of a missing command', ['no-such-command'], 127],
    ['of a file that is no program', ['/etc/passwd'], 126],
  ])('passes the exit code %s', async (_what, command, code) => {
    expect((await berth.run(['exec', name, '--', ...command])).code).toBe(code)
  })

  it('ends with 125 where Berth is at fault, and says why', async () => {
    const { code, stdout, stderr } = await berth.run(['exec', 'no-such-workspace', 'true'])
    expect([code, stdout.length]).toEqual([125, 0])
    expect(stderr).toContain('no-such-workspace')
  })

  it('runs as whom, where and with what it is told', async () => {
    const script = 'echo "$(id -un) $PWD $A $B"'
    const args = ['exec', '-u', 'dev', '-w', '/tmp', '-e', 'A=1 2', '-e', 'B', name, 'sh', '-c', script]
    const { stdout } = await berth.run(args, { env: { B: 'from here' } })
    expect(stdout.toString()).toBe('dev /tmp 1 2 from here\n')
  })

  it('asks the user’s shell for its environment once in a while, and again when its files change', async () => {
    const inside = async (script: string, ...env: string[]) => {
      const { stdout } = await berth.run(['exec', ...env, name, '--', 'sh', '-c', script])
      return stdout.toString()
    }
    const profile = `printf . >> ~/asked; export TOKEN="it's" OTHER=shell`
    await berth.run(['exec', name, '--', 'tee', '-a', '/root/.bashrc'], { input: `${profile}\n` })
    const look = 'echo "$TOKEN $OTHER $(cat ~/asked)"'
    expect(await inside(look)).toBe("it's shell .\n")
    expect(await inside(look, '-e', 'OTHER=here')).toBe("it's here .\n")
    // In memory alone, and for nobody else.
    expect(await inside('stat -c "%U %a" /dev/shm/berth-environment-*')).toBe('root 600\n')
    await berth.run(['exec', name, '--', 'tee', '-a', '/root/.profile'], { input: 'export OTHER=changed\n' })
    expect(await inside(look)).toBe("it's changed ..\n")
    expect(await inside(look)).toBe("it's changed ..\n")
  })

  it('does not wait for a stdin that nobody ends, and leaves it alone when told', async () => {
    const open = berth.start(['exec', name, '--', 'true'])
    expect((await open.ended).code).toBe(0)
    const { stdout } = await berth.run(['exec', '--no-stdin', name, '--', 'cat'], { input: 'not read' })
    expect(stdout.toString()).toBe('')
  })

  it('is quiet when whoever reads has seen enough', async () => {
    const running = berth.start(['exec', name, '--', 'yes'])
    await running.prints(/y\ny\n/)
    running.child.stdout.destroy()
    const { code, stderr } = await running.ended
    expect([code, stderr]).toEqual([141, ''])
    expect(await processesNaming('^yes')).toBe('')
  })

  it('forwards Ctrl-C to the command', async () => {
    const script = 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.1; done'
    const running = berth.start(['exec', name, '--', 'sh', '-c', script])
    await running.prints(/ready/)
    running.child.kill('SIGINT')
    const { code, stdout } = await running.ended
    expect([code, stdout.toString()]).toEqual([3, 'ready\ncaught\n'])
  })

  it('gives up at the third Ctrl-C a command that ignores it, and ends it', async () => {
    const marker = uniqueName('ignorer')
    const script = `trap "" INT TERM; echo ready; while :; do sleep 0.1; done; : ${marker}`
    const running = berth.start(['exec', name, '--', 'sh', '-c', script])
    await running.prints(/ready/)
    const ended = running.ended.then(() => true)
    let count = 0
    // Signals of one kind that come at once are one signal: now and then a busy machine needs another.
    const soon = () => new Promise<false>((resolve) => setTimeout(resolve, count < 3 ? 100 : 3_000, false))
    do {
      running.child.kill('SIGINT')
      count += 1
    } while (!(await Promise.race([ended, soon()])))
    expect(count).toBeGreaterThanOrEqual(3)
    expect((await running.ended).code).toBe(130)
    expect(await processesNaming(marker)).toBe('')
  })

  it('gives the command a terminal with -t', async () => {
    const running = berth.terminal([
      'exec',
      name,
      '-t',
      '--',
      'sh',
      '-c',
      'stty size; test -t 0 && echo tty; exit 5',
    ])
    await running.prints(/\d+ \d+\r?\n/)
    await running.prints(/tty\r?\n/)
    expect((await running.ended).code).toBe(5)
  })
})
