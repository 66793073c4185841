import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Definition, imageDefinition, type WorkspaceUser } from '#contract'
import { prepareExec } from './environment'
import type { LinkExecOptions } from './link'

const folder = mkdtempSync(join(tmpdir(), 'berth-link-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const base: Definition = {
  ...imageDefinition('image', 'app'),
  workspaceFolder: folder,
}
const user: WorkspaceUser = {
  name: userInfo().username,
  uid: userInfo().uid,
  gid: userInfo().gid,
  home: folder,
  shell: '/bin/sh',
}
const none: Definition['remoteEnv'] = {}

/** Runs what the driver would be asked to run, on this machine, in an environment as a container has it. */
function run(
  options: LinkExecOptions,
  fields: {
    definition?: Partial<Definition>
    container?: Record<string, string>
    local?: Record<string, string>
  } = {},
) {
  const prepared = prepareExec({ definition: { ...base, ...fields.definition }, user }, options, fields.local)
  const [command = '', ...args] = prepared.command
  const { stdout, stderr, status } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...fields.container, ...prepared.env },
    cwd: '/',
    input: '',
  })
  return { out: stdout.trim(), err: stderr.trim(), status, prepared }
}
/** A variable as a definition writes it. */
const of = (text: string) => `$\{${text}}`
const show = (...names: string[]) => ({
  command: ['sh', '-c', names.map((name) => `echo "\${${name}-unset}"`).join('; ')],
})

describe('a command in a workspace', () => {
  it('runs in the workspace folder as its user, with what programs expect', () => {
    const { out, prepared } = run({
      command: ['sh', '-c', 'pwd; echo $HOME $USER $LANG; env | grep -c TERM=; true'],
    })
    expect(out).toBe(`${folder}\n${folder} ${user.name} C.UTF-8\n0`)
    expect(prepared.user).toBe(user.name)
  })

  it('falls back to the home, then to /, where the folder is missing', () => {
    expect(run({ command: ['pwd'] }, { definition: { workspaceFolder: '/nowhere/at/all' } }).out).toBe(folder)
  })

  it('says so where a folder that was asked for is missing', () => {
    expect(run({ command: ['pwd'], cwd: '/nowhere' })).toMatchObject({ status: 126, out: '' })
  })

  it('takes a folder relative to the workspace folder', () => {
    expect(run({ command: ['pwd'], cwd: '..' }).out).toBe(tmpdir())
  })

  it('passes arguments and exit codes through as they are', () => {
    const { out } = run({ command: ['printf', '%s|', "it's", '$HOME', '', 'a\nb', '*'] })
    expect(out).toBe("it's|$HOME||a\nb|*|")
    expect(run({ command: ['sh', '-c', 'exit 7'] }).status).toBe(7)
    expect(run({ command: ['no-such-program'] }).status).toBe(127)
  })

  it('keeps the language of the container', () => {
    expect(run(show('LANG'), { container: { LANG: 'de_DE.UTF-8' } }).out).toBe('de_DE.UTF-8')
  })
})

describe('remoteEnv', () => {
  it('sets, unsets, and gives way to what the caller sets', () => {
    const remoteEnv = { A: "it's $HOME `x`", B: null, C: 'definition' }
    const { out } = run(
      { ...show('A', 'B', 'C'), env: { C: 'caller' } },
      { definition: { remoteEnv }, container: { B: 'container' } },
    )
    expect(out).toBe("it's $HOME `x`\nunset\ncaller")
  })

  it("fills in the container's own variables, as they were before", () => {
    const remoteEnv = {
      PATH: `/tools:${of('containerEnv:PATH')}`,
      FIRST: of('containerEnv:SECOND'),
      SECOND: of('containerEnv:FIRST'),
      MISSING: `[${of('containerEnv:NOTHING')}][${of('containerEnv:NOTHING:it"s `x`')}]`,
    }
    const { out } = run(show('PATH', 'FIRST', 'SECOND', 'MISSING'), {
      definition: { remoteEnv },
      container: { FIRST: 'one', SECOND: 'two $HOME' },
    })
    expect(out).toBe('/tools:/usr/bin:/bin\ntwo $HOME\none\n[][it"s `x`]')
  })

  it('fills in variables of this machine, and nothing that they contain', () => {
    const remoteEnv = {
      A: of('localEnv:TOKEN'),
      B: `${of('localEnv:TOKEN') + of('containerEnv:X')}|${of('localEnv:TOKEN')}`,
      C: of('localEnv:NONE:default'),
    }
    const { out, prepared } = run(show('A', 'B', 'C'), {
      definition: { remoteEnv },
      container: { X: 'x' },
      local: { TOKEN: '$(echo no)' },
    })
    expect(out).toBe('$(echo no)\n$(echo no)x|$(echo no)\ndefault')
    expect(prepared.command.join(' ')).not.toContain('$(echo no)')
    const left = run({ command: ['env'] }, { definition: { remoteEnv }, local: { TOKEN: 'no' } })
    expect(left.out).not.toMatch(/^BERTH_|^berth_/m)
  })
})

describe('a login shell', () => {
  it('has the true colours of a terminal', () => {
    const { prepared } = run({ shell: 'login', tty: { columns: 80, rows: 24 } })
    expect(prepared.env).toMatchObject({ TERM: 'xterm-256color', COLORTERM: 'truecolor' })
    expect(prepared.tty).toEqual({ columns: 80, rows: 24 })
  })

  it('keeps what the image added to PATH, whatever the login files do', () => {
    writeFileSync(
      join(folder, '.profile'),
      'PATH=/login/bin:/usr/bin:/bin; LOGIN_SAW=yes; export LOGIN_SAW\n',
    )
    const prepared = prepareExec({ definition: { ...base, remoteEnv: none }, user }, { shell: 'login' })
    const [command = '', ...args] = prepared.command
    const { stdout } = spawnSync(command, args, {
      encoding: 'utf8',
      env: { ...prepared.env, PATH: '/opt/go/bin:/usr/local/sbin:/usr/bin:/bin' },
      input: 'echo "path=$PATH saw=$LOGIN_SAW"\n',
    })
    expect(stdout).toContain('path=/opt/go/bin:/login/bin:/usr/bin:/bin saw=yes')
  })

  it('takes another shell where the account has none that works', () => {
    const prepared = prepareExec(
      { definition: base, user: { ...user, shell: '/usr/sbin/nologin' } },
      { shell: 'login' },
    )
    const [command = '', ...args] = prepared.command
    const { stdout } = spawnSync(command, args, {
      encoding: 'utf8',
      env: { ...prepared.env, PATH: '/usr/bin:/bin' },
      input: 'echo shell=$SHELL\n',
    })
    expect(stdout).toMatch(/shell=\S*\/(ba)?sh/)
  })
})

describe('what is lent', () => {
  function lent(
    options: Partial<LinkExecOptions> = {},
    container: Record<string, string> = {},
    definition: Partial<Definition> = {},
  ) {
    const asked = { command: ['env'], ...options } as LinkExecOptions
    const prepared = prepareExec({ definition: { ...base, ...definition }, user }, asked, {}, true)
    const [command = '', ...args] = prepared.command
    const env = { PATH: '/usr/bin:/bin', XDG_RUNTIME_DIR: '/nowhere', ...container, ...prepared.env }
    const lines = spawnSync(command, args, { encoding: 'utf8', env, cwd: '/' }).stdout.split('\n')
    const of = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
    return { of, names: lines.map((line) => line.replace(/=.*/, '')) }
  }

  it('is named after what git and ssh have, in the folder of the agent or where that is going to be', () => {
    const { names, of } = lent({}, { GIT_CONFIG_COUNT: '9', BERTH_AGENT_FOLDER: '/elsewhere' })
    expect(of('GIT_CONFIG_COUNT')).toBe('10')
    expect(of('GIT_CONFIG_KEY_9')).toBe('credential.helper')
    expect(of('GIT_CONFIG_VALUE_9')).toMatch(/^!f\(\) \{ .*\/berth-agent-\d+\/git-credential' "\$@"; \}; f$/)
    expect(of('SSH_AUTH_SOCK')).toMatch(/\/berth-agent-\d+\/ssh-agent\.sock$/)
    expect(names.filter((name) => name.startsWith('berth_'))).toEqual([])
  })

  it('has git sign by gpg over the agent once that is there', () => {
    const folder = mkdtempSync(join(tmpdir(), 'berth-lent-'))
    try {
      const place = join(folder, `berth-agent-${process.getuid?.()}`)
      mkdirSync(place, { mode: 0o700 })
      writeFileSync(join(place, 'git-gpg'), '', { mode: 0o755 })
      const { of } = lent({}, { BERTH_AGENT_FOLDER: folder })
      expect(of('GIT_CONFIG_COUNT')).toBe('2')
      expect(of('GIT_CONFIG_KEY_1')).toBe('gpg.program')
      expect(of('GIT_CONFIG_VALUE_1')).toBe(join(place, 'git-gpg'))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('gives way to an agent that is there, and to a definition that wants none', () => {
    expect(lent({}, { SSH_AUTH_SOCK: '/own' }).of('SSH_AUTH_SOCK')).toBe('/own')
    expect(lent({ env: { SSH_AUTH_SOCK: '/given' } }).of('SSH_AUTH_SOCK')).toBe('/given')
    const none = { remoteEnv: { SSH_AUTH_SOCK: null } }
    expect(lent({}, { SSH_AUTH_SOCK: '/own' }, none).of('SSH_AUTH_SOCK')).toBeUndefined()
  })

  it('leaves alone a count that git refuses, and is for the workspace user alone', () => {
    for (const count of ['x', '-1', '08', '1000000']) {
      const { names, of } = lent({}, { GIT_CONFIG_COUNT: count })
      expect(of('GIT_CONFIG_COUNT')).toBe(count)
      expect(names.filter((name) => name.startsWith('GIT_CONFIG_KEY'))).toEqual([])
    }
    expect(lent({ user: 'somebody-else' }).of('GIT_CONFIG_COUNT')).toBeUndefined()
  })
})

describe('an image without a shell', () => {
  const bare: WorkspaceUser = { name: 'root', uid: 0, gid: 0, home: '/root' }
  it('runs the command itself', () => {
    expect(prepareExec({ definition: base, user: bare }, { command: ['/app', 'x'] })).toEqual({
      command: ['/app', 'x'],
      user: '0:0',
      env: { HOME: '/root', USER: 'root', LOGNAME: 'root', LANG: 'C.UTF-8' },
    })
  })
})
