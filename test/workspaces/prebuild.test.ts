import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Operation, Source } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import { git, gitSource, Machine, purge, Rig, remainsOf, repository, writeFiles } from './rig'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'berth-prebuild-'))
const rigs: Rig[] = []
const machines: Machine[] = []
const prebuilds = new Set<string>()
let count = 0

function docker(...args: string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function rig(machine = new Machine()): Rig {
  if (!machines.includes(machine)) machines.push(machine)
  const made = new Rig(machine)
  rigs.push(made)
  return made
}

afterEach(async () => {
  purgeAll()
  for (const each of rigs.splice(0)) await each.dispose()
})

/** Empty for one that is gone: others make prebuilds and remove them meanwhile. */
function labelOf(image: string): string {
  try {
    return docker('inspect', '--format', '{{index .Config.Labels "berth.dev/prebuild"}}', image)
  } catch (error) {
    if (String(error).includes('No such')) return ''
    throw error
  }
}

function purgeAll(): void {
  purge()
  for (const id of prebuilds) {
    const own = docker('images', '-q', '--no-trunc', '--filter', 'reference=berth/prebuild').split('\n')
    for (const image of new Set(own.filter(Boolean))) {
      if (labelOf(image).includes(id)) docker('rmi', '-f', image)
    }
  }
  prebuilds.clear()
}

afterAll(() => {
  for (const machine of machines) machine.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Each command says that it ran, in the source and in the home. */
const definition = {
  image: TEST_IMAGES.debian as string,
  remoteUser: 'dev',
  remoteEnv: { TOKEN: '$' + '{localEnv:BERTH_TEST_TOKEN}' },
  onCreateCommand: 'echo on-create >> ~/ran; mkdir -p node_modules; echo lib > node_modules/lib',
  updateContentCommand: 'echo update$TOKEN >> ~/ran; cp version ~/version',
  postCreateCommand: 'echo post-create >> ~/ran',
}

function project(files: Readonly<Record<string, string>> = {}, more: object = {}): string {
  count += 1
  return repository(folder, `project-${count}`, {
    '.devcontainer/devcontainer.json': JSON.stringify({ ...definition, ...more }),
    '.gitignore': 'node_modules\n',
    version: 'one\n',
    'old/file': 'goes\n',
    stays: 'stays\n',
    ...files,
  })
}

/** Adds a commit to a bare repository. */
function commit(
  bare: string,
  files: Readonly<Record<string, string>>,
  removed: readonly string[] = [],
): void {
  const work = bare.replace(/\.git$/, '-work')
  for (const path of removed) git(work, 'rm', '-q', path)
  writeFiles(work, files)
  git(work, 'add', '.')
  git(work, 'commit', '--quiet', '-m', 'Next')
  git(work, 'push', '--quiet', bare, 'main')
}

async function prebuild(rig: Rig, source: Source, force = false): Promise<Operation> {
  const { operationId, prebuildId } = await rig.service.handlers['prebuilds.create']({ source, force }, never)
  prebuilds.add(prebuildId)
  return rig.ended(operationId)
}

async function made(rig: Rig, source: Source, force = false): Promise<Operation> {
  const operation = await prebuild(rig, source, force)
  if (operation.state !== 'succeeded') throw new Error(JSON.stringify(operation.problem, null, 1))
  return operation
}

async function up(rig: Rig, source: Source, more: { prebuild?: boolean } = {}) {
  const { id, operationId } = await rig.create(source, more)
  const operation = await rig.succeeded(operationId)
  const step = (name: string) => operation.steps.find((each) => each.id === name)
  return { id, step, steps: operation.steps.map((each) => each.id) }
}

describe('a workspace of a repository with a prebuild', () => {
  it('has what the once-only commands made, and does not run them again', async () => {
    const rig1 = rig(new Machine({ BERTH_TEST_TOKEN: 'very-secret-word' }))
    const bare = project()
    const source = gitSource(bare)
    await made(rig1, source)
    const again = await made(rig1, source)
    expect(again.steps.map(({ id }) => id)).toEqual(['definition', 'prebuild'])
    expect(again.steps[1]?.detail).toContain('There is one')

    // Another home: as from another laptop.
    const rig2 = rig()
    const { id, step, steps } = await up(rig2, source)
    expect(step('prebuild')?.detail).toMatch(/^Found: made .*, commit [0-9a-f]{7}$/)
    expect(steps).toEqual(['definition', 'prebuild', 'image', 'create', 'start', 'postCreateCommand'])
    expect(await rig2.run(id, 'sh', '-c', 'cat ~/ran')).toBe('on-create\nupdate\npost-create\n')
    expect(await rig2.run(id, 'cat', 'node_modules/lib', 'version')).toBe('lib\none\n')
    expect(await rig2.run(id, 'git', 'status', '--porcelain')).toBe('')
    const owners = await rig2.run(
      id,
      'sh',
      '-c',
      'stat -c %U . .git version node_modules/lib ~ ~/ran; id -un',
    )
    expect(new Set(owners.trim().split('\n'))).toEqual(new Set(['dev']))
    expect(rig2.workspace(id).prebuild?.commit).toBe(git(bare, 'rev-parse', 'main').trim())
    expect(rig2.workspace(id).definition.image).toBe(TEST_IMAGES.debian)
    // It belongs to the workspace: what is written stays over a rebuild, which makes it from scratch.
    await rig2.run(id, 'sh', '-c', 'echo mine > mine; echo mine > ~/mine')
    expect((await rig2.act('rebuild', id)).state).toBe('succeeded')
    expect(await rig2.run(id, 'sh', '-c', 'cat mine ~/mine node_modules/lib')).toBe('mine\nmine\nlib\n')
    await rig2.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })

  it('is brought to a newer commit, with what git ignores kept and the content updated again', async () => {
    const rig1 = rig()
    const bare = project()
    await made(rig1, gitSource(bare))
    commit(bare, { version: 'two\n', 'new/file': 'comes\n', old: 'a file now\n' }, ['old/file'])
    const { id, step } = await up(rig1, gitSource(bare))
    expect(step('prebuild')?.detail).toContain('the source is brought to')
    expect(step('update')?.detail).toBe('4 files have changed')
    expect(await rig1.run(id, 'sh', '-c', 'cat ~/ran')).toBe('on-create\nupdate\nupdate\npost-create\n')
    expect(await rig1.run(id, 'sh', '-c', 'cat version new/file old stays node_modules/lib ~/version')).toBe(
      'two\ncomes\na file now\nstays\nlib\ntwo\n',
    )
    expect(await rig1.run(id, 'git', 'status', '--porcelain')).toBe('')
    expect((await rig1.run(id, 'git', 'rev-parse', 'HEAD')).trim()).toBe(
      git(bare, 'rev-parse', 'main').trim(),
    )
  })

  it('is on the branch that was asked for, also where that is the commit of another one', async () => {
    const rig1 = rig()
    const bare = project()
    await made(rig1, gitSource(bare))
    git(bare, 'branch', 'next', 'main')
    const { id, step, steps } = await up(rig1, gitSource(bare, 'next'))
    expect(step('prebuild')?.detail).toMatch(/^Found: made .*, commit [0-9a-f]{7}$/)
    expect(steps).not.toContain('updateContentCommand')
    expect(await rig1.run(id, 'git', 'status', '-sb')).toBe('## next...origin/next\n')
    expect(await rig1.run(id, 'sh', '-c', 'cat ~/ran node_modules/lib')).toBe(
      'on-create\nupdate\npost-create\nlib\n',
    )
  })

  it('has its services, which are not there while a prebuild is made', async () => {
    const rig1 = rig()
    const services = { cache: { image: TEST_IMAGES.alpine, command: ['sleep', '1000'] } }
    const source = gitSource(project({}, { customizations: { berth: { services } } }))
    await made(rig1, source)
    const { id, step } = await up(rig1, source)
    expect(step('prebuild')?.detail).toMatch(/^Found: /)
    expect(rig1.workspace(id).services).toMatchObject([{ name: 'cache', state: 'running' }])
    expect(await rig1.run(id, 'sh', '-c', 'cat ~/ran')).toBe('on-create\nupdate\npost-create\n')
  })

  it('does without it where it is not wanted', async () => {
    const rig1 = rig()
    const source = gitSource(project())
    await made(rig1, source)
    const { id, step } = await up(rig1, source, { prebuild: false })
    expect(step('prebuild')).toMatchObject({ state: 'skipped' })
    expect(rig1.workspace(id).prebuild).toBeUndefined()
    expect(await rig1.run(id, 'sh', '-c', 'cat ~/ran')).toBe('on-create\nupdate\npost-create\n')
  })

  it('is told why none fits', async () => {
    const rig1 = rig()
    const bare = project()
    const none = await up(rig1, gitSource(bare))
    expect(none.step('prebuild')?.detail).toBe('No prebuild of this repository is here')
    await made(rig1, gitSource(bare))
    const changed = { ...definition, onCreateCommand: 'true', forwardPorts: [80] }
    commit(bare, { '.devcontainer/devcontainer.json': JSON.stringify(changed) })
    const other = await up(rig1, gitSource(bare))
    expect(other.step('prebuild')?.detail).toBe(
      'The definition has changed since the prebuild was made: onCreateCommand',
    )
  })

  it('is not used where the image underneath, or what it is built from, has changed', async () => {
    const rig1 = rig()
    const tag = `berth-test/prebuild-base-${process.pid}`
    docker('tag', TEST_IMAGES.debian, tag)
    try {
      const files = { Dockerfile: `FROM ${tag}\nCOPY tool /tool\nRUN cat /tool\n`, tool: 'one\n' }
      const bare = project(files, { image: undefined, build: { dockerfile: '../Dockerfile', context: '..' } })
      await made(rig1, gitSource(bare))
      commit(bare, { version: 'two\n' })
      const hit = await up(rig1, gitSource(bare))
      expect(hit.step('prebuild')?.detail).toContain('the source is brought to')
      commit(bare, { tool: 'two\n' })
      const miss = await up(rig1, gitSource(bare))
      expect(miss.step('prebuild')?.detail).toBe('What its image is built from has changed since: tool')
      expect(await rig1.run(miss.id, 'cat', '/tool')).toBe('two\n')
      await made(rig1, gitSource(bare))
      docker('tag', TEST_IMAGES.alpine, tag)
      const preview = await rig1.service.handlers['workspaces.preview']({ source: gitSource(bare) }, never)
      expect(preview.prebuild).toEqual({
        isSameCommit: false,
        text: `Its base image is newer than the prebuild's: ${tag}`,
      })
    } finally {
      docker('rmi', tag)
    }
  })
})

describe('a prebuild', () => {
  it('holds nothing of whoever made it', async () => {
    const machine = new Machine({ BERTH_TEST_TOKEN: 'very-secret-word' })
    writeFiles(machine.home, {
      '.gitconfig': '[user]\nname = Somebody Builder\nemail = builder@example.com\n',
    })
    const rig1 = rig(machine)
    const operation = await made(rig1, gitSource(project()))
    const image = operation.steps.find(({ id }) => id === 'keep')?.detail?.split(',')[0] ?? ''
    const described = docker('inspect', image) + docker('history', '--no-trunc', image)
    const container = docker('create', image).trim()
    try {
      const all = execFileSync('sh', ['-c', `docker export ${container} | grep -a -c -E "$0" || true`, '.'])
      expect(Number(all)).toBeGreaterThan(0)
      const words = 'very-secret-word|Somebody Builder|builder@example\\.com'
      const inside = execFileSync('sh', [
        '-c',
        `docker export ${container} | grep -a -c -E "$0" || true`,
        words,
      ])
      expect(inside.toString().trim()).toBe('0')
      expect(described).not.toMatch(/very-secret-word|Builder|builder@/)
      expect(described).not.toContain(machine.home)
    } finally {
      docker('rm', '-f', container)
    }
    const config = (of: string) => JSON.parse(docker('inspect', '--format', '{{json .Config}}', of))
    // What the container ran and was told is not what the image says.
    const plain = (of: string) => {
      const { Env, Cmd, Entrypoint, User, WorkingDir } = config(of)
      return { Env, Cmd, Entrypoint: Entrypoint ?? [], User: User ?? '', WorkingDir: WorkingDir ?? '' }
    }
    expect(plain(image)).toEqual(plain(TEST_IMAGES.debian))
  })

  it('leaves nothing where a command fails, and the older one stays', async () => {
    const rig1 = rig()
    const bare = project({}, { updateContentCommand: 'test "$(cat version)" = one' })
    const first = await made(rig1, gitSource(bare))
    commit(bare, { version: 'two\n' })
    const failed = await prebuild(rig1, gitSource(bare))
    expect(failed.problem).toMatchObject({ code: 'lifecycle-failed', title: 'updateContentCommand failed' })
    expect(failed.problem?.actions ?? []).toEqual([])
    expect(await remainsOf(failed.workspaceId)).toEqual([])
    expect(await remainsOf(first.workspaceId)).toEqual([])
    const [kept] = await mine(rig1, bare)
    expect(kept?.commit).toBe(git(bare, 'rev-parse', 'main~1').trim())
    expect(rig1.service.workspaces.get(failed.workspaceId)).toBeUndefined()
  })

  it('leaves nothing where it is cancelled', async () => {
    const rig1 = rig()
    const bare = project({}, { onCreateCommand: 'echo begun; sleep 1000' })
    const { operationId, workspaceId } = await rig1.service.handlers['prebuilds.create'](
      { source: gitSource(bare), force: false },
      never,
    )
    await expect.poll(() => rig1.output).toContain('begun')
    await rig1.cancel(operationId)
    expect((await rig1.ended(operationId)).state).toBe('cancelled')
    expect(await remainsOf(workspaceId)).toEqual([])
    expect(await mine(rig1, bare)).toEqual([])
    expect(rig1.machine.leftovers()).toEqual([])
  })

  it('takes the place of the one before, which stays for the workspaces that were made from it', async () => {
    const rig1 = rig()
    const bare = project()
    const source = gitSource(bare)
    await made(rig1, source)
    const old = await up(rig1, source)
    const imageId = docker('inspect', '--format', '{{.Id}}', rig1.workspace(old.id).image).trim()
    await made(rig1, source, true)
    const all = await mine(rig1, bare)
    expect(all).toHaveLength(1)
    expect(docker('inspect', '--format', '{{.Id}}', all[0]?.image ?? '').trim()).not.toBe(imageId)
    expect((await rig1.act('restart', old.id)).state).toBe('succeeded')
    const prebuildId = all[0]?.id ?? ''
    await rig1.service.handlers['prebuilds.remove']({ prebuildId }, never)
    expect(await mine(rig1, bare)).toEqual([])
    await expect(rig1.service.handlers['prebuilds.remove']({ prebuildId }, never)).rejects.toThrow(
      'There is no prebuild',
    )
    await rig1.act('delete', old.id)
    await rig1.service.handlers['prebuilds.remove']({ prebuildId: 'f'.repeat(12) }, never).catch(() => {})
    expect(() => docker('inspect', imageId)).toThrow('No such')
  })

  it('runs what tasks of a .gitpod.yml do once, which a workspace then leaves out', async () => {
    const rig1 = rig()
    count += 1
    const text = `image: ${TEST_IMAGES.debian}\ntasks:\n  - {name: One, before: 'A=1', init: 'echo init $A >> ~/ran', command: 'echo command'}\n`
    const source = gitSource(repository(folder, `gitpod-${count}`, { '.gitpod.yml': text }))
    const operation = await made(rig1, source)
    expect(operation.steps.find(({ id }) => id === 'tasks')).toMatchObject({ state: 'done' })
    const { id } = await up(rig1, source)
    expect(await rig1.run(id, 'sh', '-c', 'cat ~/ran')).toBe('init 1\n')
  })

  it('is made of no folder, and of no image', async () => {
    const rig1 = rig()
    for (const source of [
      { kind: 'folder', path: folder },
      { kind: 'image', image: TEST_IMAGES.debian },
    ] as const)
      await expect(
        rig1.service.handlers['prebuilds.create']({ source, force: false }, never),
      ).rejects.toThrow('Prebuilds are made of git repositories')
  })

  it('is refused where the image would keep the source out of it', async () => {
    const rig1 = rig()
    const files = { Dockerfile: `FROM ${TEST_IMAGES.debian}\nVOLUME /workspaces\n` }
    const bare = project(files, { image: undefined, build: { dockerfile: '../Dockerfile', context: '..' } })
    const { problem, workspaceId } = await prebuild(rig1, gitSource(bare))
    expect(problem).toMatchObject({ code: 'definition-unsupported' })
    expect(problem?.cause).toContain('/workspaces')
    expect(await remainsOf(workspaceId)).toEqual([])
  })
})

async function mine(rig1: Rig, bare: string) {
  const all = await rig1.service.handlers['prebuilds.list']({}, never)
  return all.filter(({ url }) => url.endsWith(bare))
}
