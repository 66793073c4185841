import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agentFrame } from './agent-frames'
import { type GitServer, startGitServer } from './git-server.suite'
import { filesWith, type Laptop, Rig } from './rig.suite'

/** The agent itself, as it is shipped, on this machine: which is Linux, as workspaces are. */
const isPossible = process.platform === 'linux'
const SECRET = 'p4ss-w0rd-of-the-laptop'
const never = new AbortController().signal

let rig: Rig
let server: GitServer
let laptop: Laptop

beforeEach(async () => {
  rig = new Rig()
  const root = join(rig.folder, 'served')
  mkdirSync(root)
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(root, 'app.git')])
  server = await startGitServer({ root, login: `me:${SECRET}` })
  laptop = rig.laptop('laptop')
  laptop.knows('me', SECRET)
})
afterEach(async () => {
  await rig.dispose()
  await server.close()
})

const identity = '-c user.name=Me -c user.email=me@example.com'
const url = () => `${server.origin}/app.git`
const allow = () =>
  laptop.credentials.handlers['credentials.allow'](
    { workspaceId: 'wone000001', credential: { kind: 'git', origin: server.origin } },
    never,
  )
/** What the helper on the laptop was asked for, such as `get`. */
const asked = () =>
  (existsSync(join(laptop.home, 'asked')) ? readFileSync(join(laptop.home, 'asked'), 'utf8') : '').match(
    /(?<=-- )\w+/g,
  ) ?? []

/** Has the agent in place, so that what a test is about is not the first connection. */
async function connected(one: Laptop = laptop): Promise<void> {
  const over = new AbortController()
  for await (const list of one.link.terminals.follow(over.signal)) {
    if (!list) continue
    // Offered at the same time as this list was asked for, and before.
    break
  }
  over.abort()
}

describe.skipIf(!isPossible)('git in a workspace', () => {
  it('clones, pushes and pulls with what git on the laptop knows, once the user allows it', async () => {
    await connected()
    const cloning = laptop.run(`git clone --quiet ${url()} app 2>&1; cd app && git remote get-url origin`)
    const consent = await laptop.answer('always')
    expect(consent).toMatchObject({
      workspaceId: 'wone000001',
      credential: { kind: 'git', origin: server.origin },
      process: 'git',
      command: `git clone --quiet ${url()} app`,
    })
    const { stdout } = await cloning
    expect(stdout).toContain(url())
    const line = `cd app && git ${identity} commit --quiet --allow-empty -m First && git push --quiet origin HEAD:main && git pull --quiet origin main && echo done`
    expect((await laptop.run(line)).stdout).toBe('done\n')
    expect(asked()).toContain('store')
    expect(server.logins).toContain(`me:${SECRET}`)
    expect(laptop.credentials.consents.list()).toEqual([])
  })

  it('has the first connection made when a command lasts', async () => {
    await allow()
    // The agent is put into its place; the helper that git starts is there a moment later.
    const { code } = await laptop.run(
      `until [ -x ${rig.place}/git-credential ]; do sleep 0.1; done; git ls-remote ${url()}`,
    )
    expect(code).toBe(0)
  })

  it('asks each time where it is allowed once', async () => {
    await connected()
    const first = laptop.run(`git ls-remote ${url()}`)
    await laptop.answer('once')
    expect((await first).code).toBe(0)
    const second = laptop.run(`git ls-remote ${url()}`)
    await laptop.answer('deny')
    const { code, stderr } = await second
    expect(code).toBe(128)
    expect(stderr).toContain(`berth: no credentials for ${server.origin}: that was denied on your computer\n`)
    // What tries again at once is no reason to ask again.
    expect((await laptop.run(`git ls-remote ${url()}`)).stderr).toContain('denied')
    expect(laptop.credentials.consents.list()).toEqual([])
    expect(asked().filter((verb) => verb === 'get')).toHaveLength(1)
  })

  it('is refused with a way out where nobody can be asked, and falls back to its own helpers', async () => {
    const lonely = rig.laptop('lonely', { attended: () => false })
    await connected(lonely)
    await laptop.dispose()
    const { code, stderr } = await lonely.run(`git ls-remote ${url()}`)
    expect(code).toBe(128)
    expect(stderr).toContain(`run \`berth credentials allow one ${server.origin}\` on it`)
    const own = `!f() { echo username=me; echo password=${SECRET}; }; f`
    const other = await lonely.run(`git ls-remote ${url()}`, '', {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'credential.helper',
      GIT_CONFIG_VALUE_0: own,
    })
    expect(other).toMatchObject({ code: 0, stderr: '' })
  })

  it('says that no computer is connected', async () => {
    await connected()
    await laptop.credentials.dispose()
    const { code, stderr } = await laptop.run(`git ls-remote ${url()}`)
    expect(code).toBe(128)
    expect(stderr).toContain('berth: no computer with Berth is connected to this workspace')
  })

  it('takes the question back when git is ended', async () => {
    await connected()
    const running = await laptop.link.exec({ command: ['git', 'ls-remote', url()] }, never)
    await laptop.question()
    running.destroy()
    await expect.poll(() => laptop.credentials.consents.list()).toEqual([])
  })

  it('has the laptop forget what its server did not accept, and nothing that was not given', async () => {
    await allow()
    await connected()
    server.login = 'me:another'
    expect((await laptop.run(`git ls-remote ${url()}`)).code).toBe(128)
    expect(asked()).toEqual(['get', 'erase'])
    const made = `protocol=http\nhost=${new URL(url()).host}\nusername=me\npassword=made-up\n\n`
    for (const verb of ['approve', 'reject']) await laptop.run(`git credential ${verb}`, made)
    expect(asked()).toEqual(['get', 'erase'])
  })

  it('is asked again once what was allowed is taken back, in another process too', async () => {
    await allow()
    await connected()
    expect((await laptop.run(`git ls-remote ${url()}`)).code).toBe(0)
    const file = join(laptop.home, '.config/berth/credentials.json')
    writeFileSync(file, JSON.stringify({ version: 1, grants: [] }))
    const running = laptop.run(`git ls-remote ${url()}`)
    await laptop.answer('deny')
    expect((await running).code).toBe(128)
  })

  it('gets nothing in a workspace of the same id on another target', async () => {
    await allow()
    await connected()
    const workspace = rig.workspaces.get('wone000001')
    if (workspace) rig.workspaces.set({ ...workspace, targetId: 'docker:other' })
    const running = laptop.run(`git ls-remote ${url()}`)
    await laptop.answer('deny')
    expect((await running).code).toBe(128)
  })

  it('asks the newest of two laptops, and the other when that one is closed', async () => {
    await connected()
    const second = rig.laptop('second')
    second.knows('me', SECRET)
    await connected(second)
    const first = laptop.run(`git ls-remote ${url()}`)
    await second.answer('once')
    expect((await first).code).toBe(0)
    expect(laptop.credentials.consents.list()).toEqual([])
    await second.dispose()
    const again = laptop.run(`git ls-remote ${url()}`)
    await laptop.answer('once')
    expect((await again).code).toBe(0)
  })

  it('leaves no secret anywhere', async () => {
    await allow()
    await connected()
    // While git waits for its server, all that runs is looked at.
    const line = `git clone --quiet ${url()} app; env; cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; cat app/.git/config`
    const { stdout, stderr } = await laptop.run(line)
    expect(stdout).toContain('GIT_CONFIG_VALUE_0=')
    expect(stdout + stderr).not.toContain(SECRET)
    expect(laptop.log.join('\n')).not.toContain(SECRET)
    expect(readFileSync(join(laptop.home, '.config/berth/credentials.json'), 'utf8')).not.toContain(SECRET)
    const found = filesWith(SECRET, [rig.home, rig.place])
    expect(found).toEqual([])
    expect(existsSync(join(rig.home, '.gitconfig'))).toBe(false)
  })
})

describe.skipIf(!isPossible)('the SSH agent in a workspace', () => {
  it('lists and signs with the keys of the laptop, once the user allows it', async () => {
    const key = await laptop.keys('key of the laptop')
    await connected()
    const listing = laptop.run('ssh-add -L')
    expect(await laptop.answer('once')).toMatchObject({ credential: { kind: 'ssh' }, process: 'ssh-add' })
    expect((await listing).stdout.trim()).toBe(key)
    writeFileSync(join(rig.home, 'key.pub'), key)
    const signing = laptop.run('ssh-keygen -Y sign -f key.pub -n file', 'what is signed')
    await laptop.answer('once')
    expect((await signing).stdout).toContain('BEGIN SSH SIGNATURE')
  })

  it('signs commits, and each signature after the first asks anew', async () => {
    const key = await laptop.keys('key')
    await connected()
    writeFileSync(join(rig.home, 'allowed'), `me@example.com ${key}\n`)
    const setting = `${identity} -c gpg.format=ssh -c "user.signingkey=key::${key}" -c gpg.ssh.allowedSignersFile=$HOME/allowed`
    const line = `git init --quiet r && cd r && git ${setting} commit --quiet -S --allow-empty -m Signed && git ${setting} log --format=%G?`
    const signed = laptop.run(line)
    expect(await laptop.answer('once')).toMatchObject({ process: 'ssh-keygen' })
    expect(await signed).toMatchObject({ code: 0, stdout: 'G\n' })
    const again = laptop.run(`cd r && git ${setting} commit --quiet -S --allow-empty -m Second`)
    await laptop.answer('deny')
    expect((await again).code).not.toBe(0)
  })

  it('adds, removes and locks nothing, and answers no extension', async () => {
    const key = await laptop.keys('key')
    await laptop.credentials.handlers['credentials.allow'](
      { workspaceId: 'wone000001', credential: { kind: 'ssh' } },
      never,
    )
    await connected()
    expect(
      (await laptop.run('ssh-add -D; ssh-keygen -q -t ed25519 -N "" -f own; ssh-add own')).code,
    ).not.toBe(0)
    expect((await laptop.run('ssh-add -L')).stdout.trim()).toBe(key)
    // Remove all, lock, add a key of a card, an extension, a list of version 1, nothing known, and what is too short.
    for (const type of [19, 22, 20, 27, 1, 99, 0]) expect(await ask(Buffer.from([type]))).toBe(5)
    expect(await ask(Buffer.from([11, 0]))).toBe(5)
    expect(await ask(Buffer.from([11]))).toBe(12)
  })

  it('ends the connection of who sends no messages of an agent', async () => {
    await laptop.keys('key')
    await connected()
    expect(await send(Buffer.from([0xff, 0xff, 0xff, 0xff, 11]))).toHaveLength(0)
    expect(await send(Buffer.alloc(4))).toHaveLength(0)
  })

  it('is silent where the laptop has none', async () => {
    await laptop.credentials.handlers['credentials.allow'](
      { workspaceId: 'wone000001', credential: { kind: 'ssh' } },
      never,
    )
    await connected()
    expect((await laptop.run('ssh-add -L')).code).not.toBe(0)
  })

  it('gives way to one that the workspace has', async () => {
    expect((await laptop.run('echo $SSH_AUTH_SOCK', '', { SSH_AUTH_SOCK: '/own' })).stdout).toBe('/own\n')
    expect((await laptop.run('echo $SSH_AUTH_SOCK')).stdout).toBe(`${rig.place}/ssh-agent.sock\n`)
  })

  /** The type of the answer to one message. */
  const ask = async (body: Buffer) => (await send(agentFrame(body)))[4]

  /** What comes back before the connection ends, or one answer. */
  function send(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      const socket = connect(join(rig.place, 'ssh-agent.sock'))
      const done = (answer: Buffer) => {
        socket.destroy()
        resolve(answer)
      }
      socket.once('data', done)
      socket.once('error', () => done(Buffer.alloc(0)))
      socket.once('close', () => done(Buffer.alloc(0)))
      socket.write(bytes)
    })
  }
})
