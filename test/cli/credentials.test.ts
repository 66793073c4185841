import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CredentialsDocument } from '../../cli/documents'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

const SECRET = 'p4ss-w0rd-of-this-computer'
const ORIGIN = 'https://git.example'
const name = uniqueName('lend')
const hasGpg = spawnSync('gpg', ['--version']).status === 0
let berth: CommandLine

/** What the agent says while no Berth is connected to it: git waits a few seconds for one, and programs with keys fewer. */
const ALONE = 'no computer with Berth is connected'
/** What git says when a server wants a login. */
const fill = "printf 'protocol=https\\nhost=git.example\\n\\n' | GIT_TERMINAL_PROMPT=0 git credential fill"
/**
 * The same once what git asks by is in its place and this command's Berth is connected, and what becomes of it: on a
 * machine that is busy with other things the connection takes as long as it takes.
 */
const ready = [
  'until [ -x /tmp/berth-agent-$(id -u)/git-credential ]; do sleep 0.1; done',
  'exec 3>&1',
  `while said=$(${fill} 2>&1 >&3); case $said in *"${ALONE}"*) ;; *) false ;; esac; do :; done`,
  'printf "%s\\n" "$said" >&2',
  'echo over',
].join('; ')
/**
 * Asks the SSH agent for its keys, and prints the number of its answer; with an argument until there is one, since
 * whoever is allowed to gets none either until this command's Berth is connected.
 */
const keys = `import os, socket, struct, sys
while True:
  s = socket.socket(socket.AF_UNIX)
  s.settimeout(60)
  try:
    s.connect(os.environ["SSH_AUTH_SOCK"])
    s.sendall(struct.pack(">IB", 1, 11))
    print("answer", s.recv(65536)[4])
    break
  except (OSError, IndexError):
    if len(sys.argv) == 1:
      print("no answer")
      break
  s.close()`

beforeAll(async () => {
  berth = await commandLine()
  const helper = join(berth.home, 'helper')
  await writeFile(helper, `#!/bin/sh\n[ "$1" != get ] || printf 'username=maria\\npassword=${SECRET}\\n'\n`, {
    mode: 0o755,
  })
  await writeFile(join(berth.home, '.gitconfig'), `[credential]\n\thelper = ${helper}\n`)
  const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

const run = async (line: string) => {
  const { stderr, stdout } = await berth.run(['exec', name, '--', 'sh', '-c', line])
  return { stdout: stdout.toString(), stderr }
}
const change = (verb: 'allow' | 'revoke', what: string) => berth.run(['credentials', verb, name, what])

describe('what a workspace is lent', () => {
  it('is nothing where nobody can be asked, and who asks is told what to do', async () => {
    const { stderr, stdout } = await run(ready)
    expect(stdout).not.toContain(SECRET)
    expect(stderr).toContain(`berth: no credentials for ${ORIGIN}: nobody could be asked on your computer`)
    expect(stderr).toContain(`\`berth credentials allow ${name} ${ORIGIN}\``)
  })

  it('is what git on this computer knows, once it is allowed, until that is taken back', async () => {
    expect((await change('allow', 'git.example')).code).toBe(0)
    const { credentials } = await berth.json(CredentialsDocument, ['credentials', name])
    expect(credentials).toMatchObject([{ name, git: [ORIGIN], ssh: false, gpg: false }])
    expect((await run(ready)).stdout).toContain(`username=maria\npassword=${SECRET}\n`)
    expect((await change('revoke', ORIGIN)).code).toBe(0)
    expect((await run(ready)).stdout).not.toContain(SECRET)
    expect((await berth.json(CredentialsDocument, ['credentials'])).credentials).toEqual([])
  })

  it('is asked for at the terminal, with a command that has none', async () => {
    const running = berth.terminal(['exec', name, '--', 'sh', '-c', ready])
    await running.prints(new RegExp(`${name} asks for your git credentials for ${ORIGIN} .*Allow\\?`))
    running.child.stdin.write('y\n')
    await running.prints(/over/)
    const { stdout } = await running.ended
    expect(stdout.toString()).toContain(SECRET)
  })

  it('is asked for at the terminal by a key, with a command that has one, and a no is a no', async () => {
    const running = berth.terminal([
      'exec',
      '-t',
      name,
      '--',
      'sh',
      '-c',
      `${ready}; read -r line; echo "<$line>"`,
    ])
    await running.prints(/Allow\?/)
    running.child.stdin.write('n')
    await running.prints(/over/)
    running.child.stdin.write('typed\r')
    const { stdout } = await running.ended
    expect(stdout.toString()).toContain('that was denied on your computer')
    expect(stdout.toString()).toContain('<typed>')
    expect(stdout.toString()).not.toContain(SECRET)
  })

  it('is asked for while a workspace is being made, by the commands of its definition', async () => {
    const made = uniqueName('lend-up')
    const folder = join(berth.home, made)
    await mkdir(join(folder, '.devcontainer'), { recursive: true })
    const definition = {
      image: TEST_IMAGES.debian,
      postCreateCommand: `(${ready}) | grep -c '^password=' > /tmp/result`,
      waitFor: 'postCreateCommand',
    }
    await writeFile(join(folder, '.devcontainer/devcontainer.json'), JSON.stringify(definition))
    try {
      const running = berth.terminal(['up', folder, '--name', made])
      await running.prints(/asks for your git credentials .*Allow\?/)
      running.child.stdin.write('y\n')
      const { code, stdout } = await running.ended
      expect(code, stdout.toString()).toBe(0)
      const { stdout: result } = await berth.run(['exec', made, '--', 'cat', '/tmp/result'])
      expect(result.toString()).toBe('1\n')
    } finally {
      await berth.run(['delete', made, '--yes'])
    }
  })

  it('are signatures of the SSH agent, once they are allowed', async () => {
    const socket = join(berth.home, 'keys.sock')
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' })
    try {
      await expect.poll(() => existsSync(socket)).toBe(true)
      const list = async (...until: string[]) => {
        const { stdout } = await berth.run(['exec', name, '--', 'python3', '-c', keys, ...until], {
          env: { SSH_AUTH_SOCK: socket },
        })
        return stdout.toString()
      }
      expect(await list()).toBe('no answer\n')
      expect((await change('allow', 'ssh')).code).toBe(0)
      expect(await list('answered')).toBe('answer 12\n')
    } finally {
      agent.kill('SIGKILL')
    }
  })

  it.skipIf(!hasGpg)(`is a signature by gpg${hasGpg ? '' : ' (skipped: no gpg here)'}`, async () => {
    const env = { GNUPGHOME: join(berth.home, 'gnupg') }
    await mkdir(env.GNUPGHOME, { mode: 0o700 })
    const gpg = (...args: string[]) =>
      execFileSync('gpg', ['--batch', '--quiet', ...args], { env: { ...process.env, ...env } })
    try {
      gpg('--passphrase', '', '--quick-gen-key', 'Me <me@example.com>', 'ed25519', 'sign', 'never')
      const line = `cd && rm -rf signed && git init -q signed && cd signed && until [ -x /tmp/berth-agent-$(id -u)/git-gpg ]; do sleep 0.1; done; git -c user.name=Me -c user.email=me@example.com commit -q -S --allow-empty -m Signed && git cat-file commit HEAD`
      // What signs is known to a command that begins when the agent is there.
      const signed = async () => {
        await run('until [ -x /tmp/berth-agent-$(id -u)/git-gpg ]; do sleep 0.1; done')
        for (;;) {
          const ended = await berth.run(['exec', name, '--', 'sh', '-c', line], { env })
          if (!ended.stderr.includes(ALONE)) return ended
        }
      }
      const denied = await signed()
      expect(denied.code).not.toBe(0)
      expect(denied.stderr).toContain(`\`berth credentials allow ${name} gpg\``)
      expect((await change('allow', 'gpg')).code).toBe(0)
      const { code, stderr, stdout } = await signed()
      expect(code, stderr).toBe(0)
      const folder = join(berth.home, 'signed')
      execFileSync('git', ['init', '--quiet', folder])
      const made = execFileSync(
        'git',
        ['-C', folder, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally'],
        {
          input: stdout,
          encoding: 'utf8',
        },
      )
      const verified = spawnSync('git', ['-C', folder, 'verify-commit', made.trim()], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      })
      expect(verified.status, verified.stderr).toBe(0)
      expect(
        (await run('ls ~/.gnupg/private-keys-v1.d 2>/dev/null; gpg --list-keys me@example.com')).stdout,
      ).toMatch(/^pub/)
    } finally {
      execFileSync('gpgconf', ['--kill', 'gpg-agent'], { env: { ...process.env, ...env } })
    }
  })

  it('is nowhere in the workspace afterwards', async () => {
    await change('allow', ORIGIN)
    expect((await run(ready)).stdout).toContain(SECRET)
    const { stdout } = await run(
      `grep -rl '${SECRET.slice(0, 8)}''${SECRET.slice(8)}' /tmp "$HOME" /workspaces; git config --list --show-origin`,
    )
    expect(stdout).not.toContain(SECRET)
    expect(stdout).not.toMatch(/^\//m)
    // Its own container alone: the engine has those of other tests as well, which come and go.
    const mine = execFileSync('docker', ['ps', '-q', '--filter', `label=berth.dev/name=${name}`], {
      encoding: 'utf8',
    })
    const containers = mine.split('\n').filter(Boolean)
    expect(containers).toHaveLength(1)
    expect(execFileSync('docker', ['inspect', ...containers], { encoding: 'utf8' })).not.toContain(SECRET)
  })
})
