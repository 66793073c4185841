import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ActionDocument,
  DoctorDocument,
  ListDocument,
  PortsDocument,
  ProblemDocument,
  TargetsDocument,
} from '../../cli/documents'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
let other: CommandLine
beforeAll(async () => {
  berth = await commandLine()
  other = await commandLine()
})
afterAll(async () => {
  await berth.dispose()
  await other.dispose()
})

/** Containers and volumes whose names or labels speak of a workspace. */
async function objectsOf(text: string): Promise<string[]> {
  const containers = await command('docker', ['ps', '-a', '--format', '{{.Names}} {{.Labels}}'])
  const volumes = await command('docker', ['volume', 'ls', '--format', '{{.Name}} {{.Labels}}'])
  return `${containers}\n${volumes}`.split('\n').filter((line) => line.includes(text))
}

async function problemOf(args: readonly string[]) {
  const { code, stdout } = await berth.run([...args, '--json'])
  return { code, problem: ProblemDocument.parse(JSON.parse(stdout.toString())).problem }
}

describe('the life of a workspace on the command line', () => {
  it('is made, seen by others, stopped, started, renamed, rebuilt and deleted', async () => {
    const first = uniqueName('life')
    const second = uniqueName('renamed')
    let name = first
    try {
      const made = await berth.json(ActionDocument, ['up', '--image', TEST_IMAGES.debian, '--name', first])
      expect(made.workspace).toMatchObject({ name: first, state: 'running', image: TEST_IMAGES.debian })
      expect(made.operation).toMatchObject({ kind: 'create', state: 'succeeded' })
      const id = made.workspace?.id ?? ''

      const seen = await other.json(ListDocument, ['list'])
      expect(seen.workspaces.find((workspace) => workspace.id === id)).toEqual(made.workspace)

      await berth.run([
        'exec',
        id,
        '--',
        'sh',
        '-c',
        'echo kept > kept; echo home > ~/kept; echo lost > /lost',
      ])
      const stopped = await berth.json(ActionDocument, ['stop', first])
      expect(stopped.workspace).toMatchObject({ id, state: 'stopped', startedAt: null })
      const refused = await berth.run(['exec', first, 'true'])
      expect([refused.code, refused.stderr.includes(`berth start ${id}`)]).toEqual([125, true])
      expect((await other.json(ActionDocument, ['start', first])).workspace?.state).toBe('running')
      expect((await berth.json(ActionDocument, ['restart', first])).workspace?.state).toBe('running')

      expect((await berth.json(ActionDocument, ['rename', first, second])).workspace).toMatchObject({
        id,
        name: second,
      })
      name = second
      expect((await problemOf(['stop', first])).problem.code).toBe('not-found')

      const unasked = await berth.run(['rebuild', second])
      expect([unasked.code, unasked.stderr.includes('--yes')]).toEqual([2, true])
      const rebuilt = await berth.json(ActionDocument, ['rebuild', second, '--yes'])
      expect(rebuilt.workspace).toMatchObject({ id, state: 'running' })
      expect(rebuilt.survival?.kept.length).toBeGreaterThan(0)
      const script = 'cat kept ~/kept; test -e /lost && echo still there'
      const after = await berth.run(['exec', second, '--', 'sh', '-c', script])
      expect(after.stdout.toString()).toBe('kept\nhome\n')

      expect((await berth.run(['delete', second])).code).toBe(2)
      const deleted = await berth.json(ActionDocument, ['delete', second, '-y'])
      expect(deleted.workspace).toBeNull()
      expect(await objectsOf(id)).toEqual([])
    } finally {
      await berth.run(['delete', name, '--yes'])
    }
  })

  it('asks before it deletes, and takes no for an answer', async () => {
    const name = uniqueName('ask')
    await berth.json(ActionDocument, ['up', '--image', TEST_IMAGES.alpine, '--name', name])
    try {
      const asked = berth.terminal(['delete', name])
      await asked.prints(/Lost:.*\[y\/N\]/s)
      asked.child.stdin.write('\r')
      expect((await asked.ended).code).toBe(130)
      const interrupted = berth.terminal(['delete', name])
      await interrupted.prints(/\[y\/N\]/)
      interrupted.child.stdin.write('\u0003')
      expect((await interrupted.ended).code).toBe(130)
      expect((await berth.json(ListDocument, ['list'])).workspaces.some((each) => each.name === name)).toBe(
        true,
      )
      const agreed = berth.terminal(['delete', name])
      await agreed.prints(/\[y\/N\]/)
      agreed.child.stdin.write('y\r')
      expect((await agreed.ended).code).toBe(0)
      expect((await berth.json(ListDocument, ['list'])).workspaces.some((each) => each.name === name)).toBe(
        false,
      )
    } finally {
      await berth.run(['delete', name, '--yes'])
    }
  })

  it('answers with a problem where a name is taken, an image is missing or a folder is not there', async () => {
    const name = uniqueName('taken')
    await berth.json(ActionDocument, ['up', '--image', TEST_IMAGES.alpine, '--name', name])
    try {
      const taken = await problemOf(['up', '--image', TEST_IMAGES.alpine, '--name', name])
      expect([taken.code, taken.problem.code]).toEqual([1, 'name-taken'])
    } finally {
      await berth.run(['delete', name, '--yes'])
    }
    const missing = await problemOf([
      'up',
      '--image',
      'localhost:1/no/such/image',
      '--name',
      uniqueName('missing'),
    ])
    expect([
      missing.code,
      ['image-not-found', 'registry-unreachable'].includes(missing.problem.code),
    ]).toEqual([1, true])
    expect((await problemOf(['up', './no-such-folder'])).code).toBe(1)
    expect((await problemOf(['up', '--image', 'x', '--target', 'nowhere'])).problem.code).toBe('not-found')
  })

  it('lets one action at a time work on a workspace', async () => {
    const folder = join(berth.home, 'slow')
    await mkdir(join(folder, '.devcontainer'), { recursive: true })
    await writeFile(
      join(folder, '.devcontainer', 'devcontainer.json'),
      JSON.stringify({
        image: TEST_IMAGES.debian,
        onCreateCommand: 'echo under way; until [ -e /tmp/go-on ]; do sleep 0.1; done',
      }),
    )
    const slow = uniqueName('slow')
    try {
      const creating = berth.start(['up', folder, '--name', slow])
      await creating.prints(/under way/)
      const second = await problemOf(['stop', slow])
      const filter = `label=berth.dev/name=${slow}`
      const container = (await command('docker', ['ps', '-q', '--filter', filter])).trim()
      await command('docker', ['exec', container, 'touch', '/tmp/go-on'])
      expect((await creating.ended).code).toBe(0)
      expect([second.code, second.problem.code]).toEqual([1, 'busy'])
    } finally {
      await berth.run(['delete', slow, '--yes'])
    }
  })

  it('leaves nothing behind when `up` is interrupted', async () => {
    const folder = join(berth.home, 'long')
    await mkdir(join(folder, '.devcontainer'), { recursive: true })
    await writeFile(
      join(folder, '.devcontainer', 'devcontainer.json'),
      JSON.stringify({ image: TEST_IMAGES.debian, onCreateCommand: 'echo under way; sleep 600' }),
    )
    const name = uniqueName('cancel')
    const running = berth.start(['up', folder, '--name', name])
    await running.prints(/under way/)
    running.child.kill('SIGINT')
    const { code, stdout, stderr } = await running.ended
    expect([code, stdout.toString()], stderr).toEqual([130, ''])
    expect(await objectsOf(name)).toEqual([])
    expect((await berth.json(ListDocument, ['list'])).workspaces.some((each) => each.name === name)).toBe(
      false,
    )
  })
})

describe('listings', () => {
  it('are one document each', async () => {
    const { targets } = await berth.json(TargetsDocument, ['targets'])
    expect(targets.some(({ state }) => state === 'ready')).toBe(true)
    const { ok, checks } = await berth.json(DoctorDocument, ['doctor'])
    expect(ok).toBe(true)
    expect(checks.map(({ name }) => name)).toContain('git')
  })

  it('show an engine that cannot be reached as a problem', async () => {
    const env = { DOCKER_HOST: `unix://${berth.home}/no.sock` }
    const list = await berth.run(['list', '--json'], { env })
    expect(list.code).toBe(1)
    expect(ProblemDocument.parse(JSON.parse(list.stdout.toString())).problem.code).toBe('target-unreachable')
    const doctor = await berth.run(['doctor', '--json'], { env })
    expect(doctor.code).toBe(1)
    expect(DoctorDocument.parse(JSON.parse(doctor.stdout.toString())).ok).toBe(false)
  })

  it('have nothing to show for a workspace in which nothing listens', async () => {
    const name = uniqueName('ports')
    await berth.json(ActionDocument, ['up', '--image', TEST_IMAGES.debian, '--name', name])
    try {
      expect((await berth.json(PortsDocument, ['ports', name])).ports).toEqual([])
    } finally {
      await berth.run(['delete', name, '--yes'])
    }
  })
})

describe('the command line itself', () => {
  it.each([['--help'], ['up', '--help'], ['exec', '--help'], ['help', 'serve']])(
    'helps: berth %s %s',
    async (...args) => {
      const { code, stdout } = await berth.run(args.filter(Boolean))
      expect(code).toBe(0)
      expect(stdout.toString()).toMatch(/^Usage: berth.*Examples:/s)
    },
  )

  it.each([
    [['bogus']],
    [['up', '--bogus']],
    [['url', 'x', 'http']],
    [['forward', 'x', '0']],
    [['up']],
    [[]],
  ])('ends with 2 for berth %j', async (args) => {
    const { code, stdout } = await berth.run(args)
    expect([code, stdout.toString()]).toEqual([2, ''])
  })

  it('tells a wrong command line as JSON too', async () => {
    const { code, problem } = await problemOf(['url', 'x', 'http'])
    expect([code, problem.code]).toEqual([2, 'invalid-input'])
  })

  it('works without a home and with arguments that are not UTF-8', async () => {
    const { code } = await berth.run(['list'], { env: { HOME: undefined } })
    expect(code).toBe(0)
    const odd = await command(
      'sh',
      [
        '-c',
        `"$0" "$1" exec "$(printf 'a\\377b')" true; echo "code $?"`,
        process.execPath,
        (await import('./berth')).entry,
      ],
      { env: berth.env },
    )
    expect(odd).toContain('code 125')
  })

  it.skipIf(process.platform !== 'linux')(
    'works in a home in which no folder can be made, and says so where it needs one (Linux only)',
    async () => {
      const env = { HOME: '/proc/nowhere' }
      expect((await berth.run(['list', '--json'], { env })).code).toBe(0)
      const { code, stdout } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--json'], { env })
      expect(code).toBe(1)
      expect(ProblemDocument.parse(JSON.parse(stdout.toString())).problem).toMatchObject({
        code: 'permission-denied',
        remedy: expect.stringContaining('XDG_STATE_HOME'),
      })
    },
  )

  it('answers `serve --json` with lines, also where it fails', async () => {
    const { code, stdout } = await berth.run(['serve', 'no-such-workspace', '--json'])
    expect(code).toBe(1)
    expect(stdout.toString()).toMatch(/^[^\n]+\n$/)
    expect(ProblemDocument.parse(JSON.parse(stdout.toString())).problem.code).toBe('not-found')
  })

  it('is quiet when its output is not read', async () => {
    const out = await command(
      'bash',
      [
        '-c',
        `"$0" "$1" --help 2>&1 | true; "$0" "$1" list --json 2>&1 | head -c 1`,
        process.execPath,
        (await import('./berth')).entry,
      ],
      { env: berth.env },
    )
    expect(out).toBe('{')
  })
})
