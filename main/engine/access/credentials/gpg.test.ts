import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { filesWith, type Laptop, type Ran, Rig } from './rig.suite'

/** Real gpg on both sides; the workspace is this machine, which is Linux, as workspaces are. */
const problem =
  process.platform !== 'linux' || spawnSync('gpg', ['--version']).status !== 0 ? 'no gpg here' : undefined
const suffix = problem ? ` (skipped: ${problem})` : ''
const PASSPHRASE = 'p4ss-phr4se-of-the-laptop'
const NAME = 'me@example.com'
const never = new AbortController().signal

let rig: Rig
let laptop: Laptop

beforeEach(() => {
  rig = new Rig()
  laptop = rig.laptop('laptop')
})
afterEach(() => rig.dispose())

/** Of the laptop. */
const gpg = (...args: string[]) =>
  execFileSync('gpg', ['--batch', '--quiet', ...args], {
    env: laptop.env as NodeJS.ProcessEnv,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
const makeKey = (passphrase = '') =>
  gpg(
    ...['--pinentry-mode', 'loopback', '--passphrase', passphrase],
    ...['--quick-gen-key', `Me <${NAME}>`, 'ed25519', 'sign', 'never'],
  )
/** A pinentry that runs lines of `sh` to answer for the passphrase; there is none that needs no person. */
function pinentry(lines: string): void {
  const program = join(laptop.home, 'pinentry')
  const script = `#!/bin/sh
echo OK
while read -r verb rest; do case $verb in
GETPIN) touch "$0.asked"; ${lines}; echo OK;;
BYE) echo OK; exit;;
*) echo OK;;
esac; done
`
  writeFileSync(program, script, { mode: 0o755 })
  writeFileSync(join(laptop.gnupg, 'gpg-agent.conf'), `pinentry-program ${program}\n`)
}
const allow = (one: Laptop = laptop) =>
  one.credentials.handlers['credentials.allow'](
    { workspaceId: 'wone000001', credential: { kind: 'gpg' } },
    never,
  )

async function connected(one: Laptop = laptop): Promise<void> {
  const over = new AbortController()
  for await (const list of one.link.terminals.follow(over.signal)) if (list) break
  over.abort()
}

/** Makes a signed commit in the workspace. What git says goes through a pipe, as from a real container; never a socket. */
async function commit(message: string, one: Laptop = laptop): Promise<Ran> {
  const git = `git -c user.name=Me -c user.email=${NAME} commit --quiet -S --allow-empty -m ${message}`
  const { stderr, stdout } = await one.run(
    `[ -d r ] || git init --quiet r; cd r; { { ${git}; echo $? >&3; } 2>&1 | cat >&2; } 3>&1`,
  )
  return { code: Number(stdout), stdout, stderr }
}
/** Whether git on the laptop takes the newest commit of the workspace for signed. */
const isVerified = () =>
  spawnSync('git', ['-C', join(rig.home, 'r'), 'verify-commit', 'HEAD'], {
    env: laptop.env as NodeJS.ProcessEnv,
  }).status === 0
const privateKeys = () => {
  const folder = join(rig.gnupg, 'private-keys-v1.d')
  return existsSync(folder) ? readdirSync(folder) : []
}

describe.skipIf(problem !== undefined)(`gpg in a workspace${suffix}`, { timeout: 180_000 }, () => {
  it('signs a commit with the key of the laptop, after one question', async () => {
    makeKey()
    await connected()
    const signing = commit('Signed')
    expect(await laptop.answer('once')).toMatchObject({
      credential: { kind: 'gpg' },
      username: `Me <${NAME}>`,
      process: 'git',
    })
    expect(await signing).toMatchObject({ code: 0, stderr: '' })
    expect(laptop.credentials.consents.list()).toEqual([])
    expect(isVerified()).toBe(true)
    // Also in the workspace, which has the public key, and nothing that is secret.
    expect((await laptop.run('git -C r log --format=%G? 2>&1')).stdout).toBe('U\n')
    expect(privateKeys()).toEqual([])
    expect(readlinkSync(join(rig.gnupg, 'S.gpg-agent'))).toBe(join(rig.place, 'gpg-agent.sock'))
  })

  it('asks anew for each signature that is allowed once, and says that it was denied', async () => {
    makeKey()
    await connected()
    const first = commit('First')
    await laptop.answer('once')
    expect((await first).code).toBe(0)
    const second = commit('Second')
    await laptop.answer('deny')
    const { code, stderr } = await second
    expect(code).not.toBe(0)
    expect(stderr).toContain('berth: no signature by gpg: that was denied on your computer')
    expect((await laptop.run('git -C r log --format=%s')).stdout).toBe('First\n')
  })

  it('asks for the passphrase on the laptop, and no word of it goes to the workspace', async () => {
    pinentry(`echo 'D ${PASSPHRASE}'`)
    makeKey(PASSPHRASE)
    execFileSync('gpgconf', ['--kill', 'gpg-agent'], { env: laptop.env as NodeJS.ProcessEnv })
    await allow()
    await connected()
    // Its agent did not run: gpg starts it, as it does for its user.
    expect(await commit('Signed')).toMatchObject({ code: 0, stderr: '' })
    expect(existsSync(join(laptop.home, 'pinentry.asked'))).toBe(true)
    expect(isVerified()).toBe(true)
    expect(filesWith(PASSPHRASE, [rig.home, rig.place, join(laptop.home, '.config')])).toEqual([])
    expect(laptop.log.join('\n')).not.toContain(PASSPHRASE)
  })

  it('serves gpg itself for signatures, and for nothing else', async () => {
    makeKey()
    gpg('--passphrase', '', '--quick-gen-key', 'Secrets <secrets@example.com>', 'rsa2048', 'encrypt', 'never')
    writeFileSync(join(rig.home, 'plain'), 'what is hidden')
    const hidden = join(rig.home, 'hidden.gpg')
    gpg('--trust-model', 'always', '-r', 'secrets@example.com', '-o', hidden, '-e', join(rig.home, 'plain'))
    await allow()
    await connected()
    expect((await commit('Signed')).code).toBe(0)
    const signed = await laptop.run('gpg --batch --clear-sign', 'a text')
    expect(signed.stdout).toContain('BEGIN PGP SIGNATURE')
    expect((await laptop.run('gpg --batch --decrypt hidden.gpg')).stdout).not.toContain('what is hidden')
    // The same from the laptop is no secret.
    expect(gpg('--decrypt', hidden)).toBe('what is hidden')
    const talk = (line: string) => laptop.run(`gpg-connect-agent '${line}' /bye`)
    for (const line of ['PKDECRYPT', 'GENKEY', 'EXPORT_KEY x', 'DELETE_KEY x', 'SCD SERIALNO', 'KILLAGENT'])
      expect((await talk(line)).stdout).toContain('Forbidden')
  })

  it('says what is missing on the laptop', async () => {
    await allow()
    await connected()
    const none = await commit('Signed')
    expect(none.code).not.toBe(0)
    expect(none.stderr).toContain(
      `berth: no signature by gpg: gpg on your computer has no key to sign with as Me <${NAME}>`,
    )
    makeKey()
    execFileSync('gpgconf', ['--kill', 'gpg-agent'], { env: laptop.env as NodeJS.ProcessEnv })
    writeFileSync(join(laptop.gnupg, 'gpg-agent.conf'), 'extra-socket none\n')
    expect((await commit('Signed')).stderr).toContain(
      "berth: no signature by gpg: gpg's agent on your computer does not answer at its socket for others",
    )
    laptop.env.PATH = rig.folder
    expect((await commit('Signed')).stderr).toContain(
      'berth: no signature by gpg: gpg is not on your computer',
    )
    await laptop.credentials.dispose()
    expect((await commit('Signed')).stderr).toContain(
      'berth: no signature by gpg: no computer with Berth is connected to this workspace',
    )
  })

  it('says how to allow it where nobody can be asked', async () => {
    const lonely = rig.laptop('lonely', { attended: () => false })
    await connected(lonely)
    await laptop.dispose()
    expect((await commit('Signed', lonely)).stderr).toContain('run `berth credentials allow one gpg` on it')
  })

  it('is told when the connection is lost in the middle of a signature', async () => {
    pinentry('sleep 300')
    makeKey(PASSPHRASE)
    await allow()
    await connected()
    const output = join(rig.folder, 'said')
    const line = `git init --quiet r; cd r; git -c user.name=Me -c user.email=${NAME} commit -S --allow-empty -m Signed 2>&1 | cat >${output}; echo over >>${output}`
    // Not of a process that ends with the connection.
    await laptop.run(`setsid sh -c '${line}' </dev/null >/dev/null 2>&1 &`)
    await expect.poll(() => existsSync(join(laptop.home, 'pinentry.asked')), { timeout: 60_000 }).toBe(true)
    rig.local.cut()
    await expect.poll(() => readFileSync(output, 'utf8'), { timeout: 60_000 }).toContain('over\n')
    expect(readFileSync(output, 'utf8')).toContain('berth: the connection to your computer was lost')
  })

  it('stays in its place, and says that no agent is there, while nobody is connected', async () => {
    makeKey()
    await allow()
    await connected()
    expect((await commit('Signed')).code).toBe(0)
    await laptop.credentials.dispose()
    const { code, stderr } = await laptop.run('gpg --batch --clear-sign', 'a text')
    expect(code).not.toBe(0)
    expect(stderr).toContain('No agent running')
    expect(lstatSync(join(rig.gnupg, 'S.gpg-agent')).isSymbolicLink()).toBe(true)
  })

  it('leaves a workspace alone that has keys of its own, and all that is no signature', async () => {
    makeKey()
    await connected()
    await laptop.run(`gpg --batch --passphrase '' --quick-gen-key 'Me <${NAME}>' ed25519 sign never`)
    expect(await commit('Signed')).toMatchObject({ code: 0 })
    expect(laptop.credentials.consents.list()).toEqual([])
    expect(isVerified()).toBe(false)
    expect(lstatSync(join(rig.gnupg, 'S.gpg-agent')).isSocket()).toBe(true)
    const chosen = join(rig.home, 'chosen')
    writeFileSync(chosen, '#!/bin/sh\necho chosen "$@" >&2; exit 3\n', { mode: 0o755 })
    const told = await laptop.run(`git -C r -c gpg.program=${chosen} verify-commit HEAD`)
    expect(told.stderr).toContain('chosen ')
  })
})
