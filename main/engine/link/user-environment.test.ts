import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { imageDefinition, type UserEnvProbe, type Workspace } from '#contract'
import type { ExecOptions, ExecProcess } from '../drivers/driver'
import { type Clock, systemClock } from '../platform/clock'
import { prepareExec } from './environment'
import { UserEnvironment } from './user-environment'
import { changedVariables, mergePath } from './user-variables'

const never = new AbortController().signal
const PATH = '/image/bin:/usr/local/bin:/usr/bin:/bin'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'berth-probe-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** A process of this machine, as a container with this environment would have it. */
function exec({ command, env }: ExecOptions): Promise<ExecProcess> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { env: { PATH, ...env }, detached: true })
  child.on('error', () => undefined)
  const exit = new Promise<{ code: number | null }>((resolve) =>
    child.on('close', (code) => resolve({ code })),
  )
  const destroy = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
    child.stdout.destroy()
  }
  const { stdin, stdout, stderr } = child
  return Promise.resolve({
    stdin,
    stdout,
    stderr,
    exit,
    destroy,
    resize: async () => undefined,
    kill: async () => undefined,
  })
}

function environmentOf(
  userEnvProbe?: UserEnvProbe,
  fields: { readonly shell?: string; readonly clock?: Clock } = {},
) {
  const workspace = {
    incarnation: 'first',
    definition: {
      ...imageDefinition('x', 'x'),
      workspaceFolder: home,
      ...(userEnvProbe && { userEnvProbe }),
    },
    user: { name: 'dev', uid: 1000, gid: 1000, home, shell: fields.shell ?? '/bin/bash' },
  } as Workspace
  let asked = 0
  const environment = new UserEnvironment({
    workspace: () => workspace,
    exec: (options) => {
      asked += 1
      return exec(options)
    },
    clock: fields.clock ?? systemClock,
    ended: never,
  })
  return { environment, workspace, asked: () => asked }
}

describe('the environment of the user’s shell', () => {
  it('is what its login files and those of an interactive shell add, by default', async () => {
    await writeFile(join(home, '.bash_profile'), 'export LOGIN=1\n. ~/.bashrc\n')
    await writeFile(join(home, '.bashrc'), 'case $- in *i*) export INTERACTIVE="a\nb" ;; esac\n')
    const { environment } = environmentOf()
    const { variables, note } = await environment.get(never)
    expect(note).toBeUndefined()
    expect(variables).toMatchObject({ LOGIN: '1', INTERACTIVE: 'a\nb' })
    expect(Object.keys(variables)).not.toContain('HOME')
    expect(Object.keys(variables)).not.toContain('PWD')
  })

  it('is of the kind of shell that is asked for', async () => {
    await writeFile(join(home, '.bash_profile'), 'export LOGIN=1\n')
    await writeFile(join(home, '.bashrc'), 'export INTERACTIVE=1\n')
    const of = async (probe: UserEnvProbe) => (await environmentOf(probe).environment.get(never)).variables
    expect(await of('loginShell')).toHaveProperty('LOGIN')
    expect(await of('loginShell')).not.toHaveProperty('INTERACTIVE')
    expect(await of('interactiveShell')).toHaveProperty('INTERACTIVE')
    expect(await of('interactiveShell')).not.toHaveProperty('LOGIN')
    expect(await of('none')).toEqual({})
  })

  it('is found among whatever the files print, also commands as they are run', async () => {
    await writeFile(
      join(home, '.bash_profile'),
      'echo "A=garbage"; printf "x=\\0y=\\0"; exec 9>&1; BASH_XTRACEFD=9; set -x; export FOUND=1\n',
    )
    const { environment } = environmentOf()
    const { BASH_XTRACEFD: _, ...found } = { ...(await environment.get(never)).variables }
    expect(found).toMatchObject({ FOUND: '1' })
    expect(found).not.toHaveProperty('A')
    expect(found).not.toHaveProperty('x')
  })

  it('is nothing, with the reason, where the files end the shell', async () => {
    await writeFile(join(home, '.bash_profile'), 'export LOST=1\nexit 3\n')
    const { environment } = environmentOf()
    const { variables, note } = await environment.get(never)
    expect(variables).toEqual({})
    expect(note).toContain('did not come to their end')
  })

  it('is nothing, with the reason, where the files do not end', async () => {
    await writeFile(join(home, '.bash_profile'), 'sleep 1000\n')
    const { environment } = environmentOf(undefined, {
      clock: { ...systemClock, sleep: async () => undefined },
    })
    const { variables, note } = await environment.get(never)
    expect(variables).toEqual({})
    expect(note).toContain('did not end')
  })

  it('is bounded', async () => {
    await writeFile(join(home, '.bash_profile'), 'yes | head -c 3000000\nexport LATE=1\n')
    const { environment } = environmentOf()
    expect((await environment.get(never)).note).toBeDefined()
  })

  it('is asked once in a run, and again in the next', async () => {
    const { environment, workspace, asked } = environmentOf()
    await Promise.all([environment.get(never), environment.get(never)])
    await environment.get(never)
    expect(asked()).toBe(1)
    workspace.incarnation = 'second'
    await environment.get(never)
    expect(asked()).toBe(2)
    await environment.renew(never)
    expect(asked()).toBe(3)
  })

  it('keeps nobody who gives up waiting, and goes on for the others', async () => {
    await writeFile(join(home, '.bash_profile'), 'export FOUND=1\n')
    const { environment } = environmentOf()
    const [given, kept] = await Promise.allSettled([
      environment.get(AbortSignal.abort(new Error('given up'))),
      environment.get(never),
    ])
    expect(given.status).toBe('rejected')
    expect(kept).toMatchObject({ value: { variables: { FOUND: '1' } } })
  })

  it('needs a shell that takes no flags to be no shell that is known', async () => {
    const { environment } = environmentOf(undefined, { shell: '/bin/false' })
    expect((await environment.get(never)).variables).toEqual({})
  })
})

describe('mergePath', () => {
  it('keeps what the container has in its place', () => {
    expect(mergePath('/home/dev/bin:/usr/bin:/bin', '/image/bin:/usr/bin:/opt/bin', false)).toBe(
      '/image/bin:/home/dev/bin:/usr/bin:/opt/bin:/bin',
    )
  })
  it('is as if the distribution had not put it back', () => {
    const debian = '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games'
    expect(mergePath(`/home/dev/bin:${debian}:/more`, '/image/bin:/usr/sbin:/usr/bin', false)).toBe(
      '/home/dev/bin:/image/bin:/usr/sbin:/usr/bin:/more',
    )
  })
  it('adds folders of the administrator for root alone', () => {
    expect(mergePath('/usr/bin', '/usr/sbin:/usr/bin:/sbin', false)).toBe('/usr/bin')
    expect(mergePath('/usr/bin', '/usr/sbin:/usr/bin', true)).toBe('/usr/sbin:/usr/bin')
  })
  it('takes what there is', () => {
    expect(mergePath(undefined, '/a', false)).toBe('/a')
    expect(mergePath('/a', undefined, false)).toBe('/a')
  })
})

describe('changedVariables', () => {
  it('drops what is too long to be handed on, and functions', () => {
    const long = 'x'.repeat(70_000)
    const parts = ['', 'A=1\0', '', `A=1\0B=2\0C=${long}\0BASH_FUNC_f%%=() { :; }\0`, '']
    expect(changedVariables(parts, false)).toEqual({ B: '2' })
  })
  it('knows what is not what was printed', () => {
    expect(changedVariables(['', 'A=1\0', '', 'A=2\0'], false)).toBeUndefined()
    expect(changedVariables(['', 'A=1\0', '', '', ''], false)).toBeUndefined()
  })
})

describe('a command with the user’s environment', () => {
  const run = async (remoteEnv: Record<string, string | null>, probed: Record<string, string>) => {
    const user = { name: 'dev', uid: 1000, gid: 1000, home, shell: '/bin/sh' }
    const definition = { ...imageDefinition('x', 'x'), workspaceFolder: home, remoteEnv }
    const prepared = prepareExec({ definition, user }, { command: ['env'] }, {}, false, probed)
    const { stdout, stdin } = await exec(prepared)
    stdin.end()
    let text = ''
    for await (const chunk of stdout) text += String(chunk)
    return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)))
  }
  it('has it beneath remoteEnv, which means the container’s own', async () => {
    const found = await run(
      { TOOLS: '$' + '{containerEnv:PATH}:/tools', GONE: null, SET: 'mine' },
      { PATH: `/profile:${PATH}`, GONE: 'x', SET: 'theirs', ADDED: 'y' },
    )
    expect(found).toMatchObject({
      TOOLS: `${PATH}:/tools`,
      PATH: `/profile:${PATH}`,
      SET: 'mine',
      ADDED: 'y',
    })
    expect(found).not.toHaveProperty('GONE')
    expect(Object.keys(found).filter((name) => name.startsWith('BERTH_'))).toEqual([])
  })
})
