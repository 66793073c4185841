import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { created, git, gitSource, Machine, purge, Rig, remainsOf, repository, writeFiles } from './rig'

const image = TEST_IMAGES.debian
let machine: Machine
let rig: Rig

beforeAll(async () => {
  machine = new Machine({ TOKEN: 'a-secret-value' })
  rig = new Rig(machine)
  await rig.service.settled
})

afterEach(async () => {
  for (const { id, state } of rig.service.operations.list()) {
    if (state === 'running') await rig.cancel(id).then(() => rig.ended(id))
  }
  for (const { id } of rig.service.workspaces.list()) if (created.has(id)) await rig.act('delete', id)
  for (const id of created) expect(await remainsOf(id)).toEqual([])
  created.clear()
  expect(machine.leftovers()).toEqual([])
  expect(machine.locks()).toEqual([])
})

afterAll(async () => {
  await rig.dispose()
  purge()
  machine.dispose()
})

const up = (...args: Parameters<Rig['up']>) => rig.up(...args)

describe('a git repository', () => {
  it('comes up with its source, environment and lifecycle commands in their order', async () => {
    const bare = repository(machine.home, 'My_App', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        image,
        remoteUser: 'dev',
        containerEnv: { FROM_HOST: '${localEnv:TOKEN}', PLAIN: 'x' },
        remoteEnv: { BOTH: '${containerEnv:PLAIN}-${localEnv:TOKEN}' },
        onCreateCommand: 'echo one >> order',
        updateContentCommand: ['sh', '-c', 'echo two >> order'],
        postCreateCommand: { a: 'echo three-a; echo "$FROM_HOST" > seen', b: ['true'] },
        postStartCommand: 'echo four >> order',
        postAttachCommand: 'echo five >> order',
        features: { x: {} },
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
      'sub folder/ünï.txt': 'text',
    })
    const work = join(machine.home, 'My_App-work')
    symlinkSync('run.sh', join(work, 'link'))
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Second')
    git(work, 'push', '--quiet', bare, 'main')

    const { id, state, name, user, definition } = await up(gitSource(bare))
    expect({ state, name }).toEqual({ state: 'running', name: 'my-app' })
    expect(user).toMatchObject({ name: 'dev', uid: 1000 })
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['features'])
    expect(await rig.run(id, 'pwd')).toBe('/workspaces/My_App\n')
    expect(await rig.run(id, 'cat', 'order')).toBe('one\ntwo\nfour\nfive\n')
    expect(await rig.run(id, 'cat', 'seen')).toBe('a-secret-value\n')
    expect(await rig.run(id, 'sh', '-c', 'echo $BOTH')).toBe('x-a-secret-value\n')
    expect(await rig.run(id, './link')).toBe('ran\n')
    expect(await rig.run(id, 'cat', 'sub folder/ünï.txt')).toBe('text')
    expect(await rig.run(id, 'stat', '-c', '%U:%G %a', 'run.sh', '.', '.git')).toBe(
      'dev:dev 755\ndev:dev 755\ndev:dev 755\n',
    )
    expect(await rig.run(id, 'git', 'log', '--format=%s')).toBe('Second\nFirst\n')
    expect(await rig.run(id, 'git', 'remote', 'get-url', 'origin')).toBe(`file://${bare}\n`)
    expect(rig.output).toContain('[a] three-a')

    const labels = execFileSync(
      'docker',
      ['inspect', '--format', '{{json .Config.Labels}}', 'berth-my-app'],
      { encoding: 'utf8' },
    )
    expect(labels).not.toContain('a-secret-value')
    const again = new Rig(machine)
    await again.service.settled
    expect(again.workspace(id)).toMatchObject({ state: 'running', name: 'my-app', definition })
    await again.dispose()
  })

  it('checks out a branch, a tag, a commit and a short commit, with submodules', async () => {
    const inner = repository(machine.home, 'inner', { 'inner.txt': 'inside' })
    const bare = repository(machine.home, 'outer', { 'a.txt': 'main' })
    const work = join(machine.home, 'outer-work')
    git(work, 'checkout', '--quiet', '-b', 'feature/x')
    git(
      work,
      '-c',
      'protocol.file.allow=always',
      'submodule',
      'add',
      '--quiet',
      `file://${inner}`,
      'deps/inner',
    )
    writeFiles(work, { 'a.txt': 'feature' })
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Feature')
    git(work, 'tag', 'v1')
    git(work, 'push', '--quiet', bare, 'feature/x', 'v1')
    const first = git(work, 'rev-parse', 'main').trim()

    const branch = await up(gitSource(bare, 'feature/x'))
    expect(await rig.run(branch.id, 'cat', 'a.txt', 'deps/inner/inner.txt')).toBe('featureinside')
    expect(await rig.run(branch.id, 'git', 'branch', '--show-current')).toBe('feature/x\n')
    const tag = await up(gitSource(bare, 'v1'))
    expect(tag.name).toBe('outer-2')
    expect(await rig.run(tag.id, 'cat', 'a.txt')).toBe('feature')
    for (const commit of [first, first.slice(0, 8)]) {
      const at = await up({ kind: 'git', url: `file://${bare}`, ref: { kind: 'commit', id: commit } })
      expect(await rig.run(at.id, 'git', 'rev-parse', 'HEAD')).toBe(`${first}\n`)
    }
  })

  it('builds from a Dockerfile with context, arguments and target, and removes the image with the workspace', async () => {
    const bare = repository(machine.home, 'built', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        build: {
          dockerfile: 'Dockerfile',
          context: '..',
          args: { WORD: '${localEnv:TOKEN}' },
          target: 'dev',
        },
      }),
      '.devcontainer/Dockerfile': `FROM ${image} AS dev\nARG WORD\nCOPY data.txt /data.txt\nRUN echo "$WORD" > /word\nFROM ${image}\nRUN false\n`,
      'data.txt': 'from the context',
    })
    const { id, image: tag } = await up(gitSource(bare))
    expect(await rig.run(id, 'cat', '/data.txt', '/word')).toBe('from the contexta-secret-value\n')
    expect(tag).toContain(id)
  })

  it('is empty where the repository is, and takes the default image', async () => {
    const bare = join(machine.home, 'empty.git')
    git(machine.home, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
    const { id, definition } = await up(gitSource(bare))
    expect(definition.format).toBe('default')
    expect(await rig.run(id, 'git', 'status', '--porcelain')).toBe('')
  })
})

describe('a folder and an image', () => {
  it('mounts the folder itself on a local engine, and runs initializeCommand here', async () => {
    const folder = join(machine.home, 'local')
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({
        image,
        initializeCommand: 'echo here > made-here',
        workspaceFolder: '/src/app',
      }),
    })
    const { id } = await up({ kind: 'folder', path: folder })
    expect(await rig.run(id, 'cat', '/src/app/made-here')).toBe('here\n')
    await rig.run(id, 'sh', '-c', 'echo inside > from-inside')
    expect(execFileSync('cat', [join(folder, 'from-inside')], { encoding: 'utf8' })).toBe('inside\n')
  })

  it('copies the folder where the engine cannot mount it', async () => {
    const folder = join(machine.home, 'copied')
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({
        image,
        remoteUser: 'dev',
        mounts: ['type=bind,source=/etc,target=/host'],
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
    })
    const remote = new Rig(machine, { bindMounts: false })
    await remote.service.settled
    const { id, definition } = await remote.up({ kind: 'folder', path: folder })
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['mounts[0]'])
    expect(await remote.run(id, './run.sh')).toBe('ran\n')
    expect(await remote.run(id, 'stat', '-c', '%U', '.', 'run.sh')).toBe('dev\ndev\n')
    await remote.run(id, 'sh', '-c', 'echo kept > only-inside')
    expect(() => readFileSync(join(folder, 'only-inside'))).toThrow('ENOENT')
    expect((await remote.act('rebuild', id)).problem).toBeUndefined()
    expect(await remote.run(id, 'cat', 'only-inside')).toBe('kept\n')
    await remote.dispose()
  })

  it('takes over every file of a repository, whatever its name and wherever it leads', async () => {
    const bare = repository(machine.home, 'odd', { '.devcontainer.json': JSON.stringify({ image }) })
    const work = join(machine.home, 'odd-work')
    symlinkSync('../../../..', join(work, 'out'))
    symlinkSync('/etc/passwd', join(work, 'absolute'))
    writeFileSync(Buffer.concat([Buffer.from(join(work, 'lat')), Buffer.from([0xe9])]), 'not UTF-8')
    writeFileSync(join(work, '-rf\n🚢'), 'odd', { mode: 0o755 })
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Odd')
    git(work, 'push', '--quiet', bare, 'main')
    const { id } = await up(gitSource(bare))
    expect(await rig.run(id, 'git', 'status', '--porcelain')).toBe('')
    expect(await rig.run(id, 'readlink', 'out')).toBe('../../../..\n')
  })

  it('leaves nothing when its name was taken at the last moment', async () => {
    const taken = `test-taken-${process.pid}`
    execFileSync('docker', ['create', '--name', `berth-${taken}`, image, 'true'])
    try {
      const { id, operationId } = await rig.create({ kind: 'image', image }, { name: taken })
      const { problem } = await rig.ended(operationId)
      expect(problem?.code).toBe('name-taken')
      expect(await remainsOf(id)).toEqual([])
    } finally {
      execFileSync('docker', ['rm', '--force', `berth-${taken}`])
    }
  })

  it('puts the source where the definition wants it', async () => {
    const bare = repository(machine.home, 'elsewhere', {
      '.devcontainer.json': JSON.stringify({ image, workspaceFolder: '/srv/code', remoteUser: 'dev' }),
      'a.txt': 'a',
    })
    const { id } = await up(gitSource(bare))
    expect(await rig.run(id, 'sh', '-c', 'pwd; cat a.txt; stat -c %U . a.txt')).toBe('/srv/code\nadev\ndev\n')
  })

  it('works in an image without a shell, as far as commands need none', async () => {
    const noShell = TEST_IMAGES.scratch
    const run = (onCreateCommand: unknown) =>
      repository(machine.home, `scratch-${Math.random().toString(36).slice(2)}`, {
        '.devcontainer.json': JSON.stringify({ image: noShell, onCreateCommand }),
        'a.txt': 'text',
      })
    const { id } = await up(gitSource(run(['/busybox', 'touch', '/made'])))
    expect(
      await rig.run(id, '/busybox', 'cat', `${rig.workspace(id).definition.workspaceFolder}/a.txt`, '/made'),
    ).toBe('text')
    const failing = await rig.create(gitSource(run('echo hi')))
    expect(await rig.failure(failing.operationId)).toMatchObject({ code: 'no-shell' })
    expect(rig.workspace(failing.id).state).toBe('running')
  })

  it('is ready in an image alone', async () => {
    const { id } = await up({ kind: 'image', image }, { name: 'bare-image' })
    expect(await rig.run(id, 'pwd')).toBe('/workspaces/debian\n')
    expect(rig.workspace(id).name).toBe('bare-image')
  })
})

describe('the other actions', () => {
  it('stops, starts with its start commands, restarts, renames and deletes', async () => {
    const bare = repository(machine.home, 'actions', {
      '.devcontainer.json': JSON.stringify({
        image,
        postCreateCommand: 'echo c >> /tmp/log',
        postStartCommand: 'echo s >> /tmp/log',
      }),
    })
    const { id, incarnation } = await up(gitSource(bare))
    expect((await rig.act('stop', id)).state).toBe('succeeded')
    expect(rig.workspace(id).state).toBe('stopped')
    expect((await rig.act('start', id)).state).toBe('succeeded')
    expect(rig.workspace(id).state).toBe('running')
    expect(rig.workspace(id).incarnation).not.toBe(incarnation)
    expect((await rig.act('restart', id)).state).toBe('succeeded')
    expect(await rig.run(id, 'cat', '/tmp/log')).toBe('c\ns\ns\ns\n')
    const renamed = await rig.service.handlers['workspaces.rename'](
      { workspaceId: id, name: 'another' },
      new AbortController().signal,
    )
    await rig.succeeded(renamed.operationId)
    expect(rig.workspace(id)).toMatchObject({ name: 'another', state: 'running' })
    await rig.act('delete', id)
    expect(rig.service.workspaces.get(id)).toBeUndefined()
  })

  it('rebuilds from what the source says now, and keeps source and home', async () => {
    const bare = repository(machine.home, 'rebuilt', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
    })
    const { id } = await up(gitSource(bare))
    const definition = JSON.stringify({
      build: { dockerfile: 'Dockerfile' },
      remoteUser: 'dev',
      postCreateCommand: 'echo again > created',
    })
    await rig.run(
      id,
      'sh',
      '-c',
      `echo kept > kept; echo home > ~/kept; printf %s '${definition}' > .devcontainer.json; printf 'FROM ${image}\\nCOPY kept /built-in\\n' > Dockerfile`,
    )
    expect((await rig.act('rebuild', id)).problem).toBeUndefined()
    expect(rig.workspace(id).definition.build?.dockerfile).toBe('Dockerfile')
    expect(await rig.run(id, 'sh', '-c', 'cat kept ~/kept created /built-in')).toBe(
      'kept\nhome\nagain\nkept\n',
    )
  })

  it('brings the old one back when a rebuild fails, running as it was', async () => {
    const bare = repository(machine.home, 'kept', { '.devcontainer.json': JSON.stringify({ image }) })
    const { id } = await up(gitSource(bare))
    await rig.run(
      id,
      'sh',
      '-c',
      `echo mark > /mark; echo '{"image": "${image}", "onCreateCommand": "echo broken; exit 3"}' > .devcontainer.json`,
    )
    const failed = await rig.act('rebuild', id)
    expect(failed.problem).toMatchObject({ code: 'lifecycle-failed', detail: 'broken\n' })
    expect(rig.workspace(id)).toMatchObject({ state: 'running' })
    expect(await rig.run(id, 'cat', '/mark')).toBe('mark\n')

    await rig.run(id, 'sh', '-c', 'echo \'{"image": \' > .devcontainer.json')
    const invalid = await rig.act('rebuild', id)
    expect(invalid.problem).toMatchObject({ code: 'definition-invalid' })
    expect(await rig.run(id, 'cat', '/mark')).toBe('mark\n')
  })

  it('keeps a workspace whose lifecycle command fails, and says which', async () => {
    const bare = repository(machine.home, 'failing', {
      '.devcontainer.json': JSON.stringify({
        image,
        onCreateCommand: 'echo oh; exit 7',
        postCreateCommand: 'touch /later',
      }),
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    const problem = await rig.failure(operationId)
    expect(problem).toMatchObject({
      code: 'lifecycle-failed',
      title: 'onCreateCommand failed',
      cause: '“echo oh; exit 7” ended with exit code 7.',
      detail: 'oh\n',
    })
    expect(rig.workspace(id)).toMatchObject({ state: 'running', reason: 'Running; onCreateCommand failed' })
    expect(await rig.run(id, 'sh', '-c', 'test ! -e /later && echo fine')).toBe('fine\n')
  })

  it('is ready after waitFor; what comes later runs on, and the next action ends it', async () => {
    const bare = repository(machine.home, 'background', {
      '.devcontainer.json': JSON.stringify({
        image,
        onCreateCommand: 'touch /first',
        postStartCommand: 'echo up; sleep 1000',
      }),
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    await rig.state(id, (workspace) => workspace?.state === 'running')
    expect(rig.service.operations.get(operationId)?.state).toBe('running')
    await rig.step(operationId, 'postStartCommand', 'running')
    expect((await rig.act('stop', id)).problem).toBeUndefined()
    expect((await rig.ended(operationId)).state).toBe('cancelled')
    expect(rig.workspace(id).state).toBe('stopped')
  })

  it('leaves what runs in the background to itself when Berth ends', async () => {
    const bare = repository(machine.home, 'server', {
      '.devcontainer.json': JSON.stringify({ image, postAttachCommand: 'echo serving; exec sleep 4321' }),
    })
    const other = new Rig(machine)
    await other.service.settled
    const { id } = await other.create(gitSource(bare))
    await expect.poll(() => other.output, { timeout: 60_000 }).toContain('serving')
    await other.dispose()
    await rig.state(id, (workspace) => workspace?.state === 'running')
    expect(await rig.run(id, 'ps', '-eo', 'args')).toContain('sleep 4321')
    expect(rig.workspace(id).reason).toBe('Running')
  })

  it('tells what survives, and what git work would be lost', async () => {
    const bare = repository(machine.home, 'unsaved', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
      a: '1',
    })
    const { id } = await up(gitSource(bare))
    const ask = (action: 'delete' | 'rebuild') =>
      rig.service.handlers['workspaces.survival']({ workspaceId: id, action }, new AbortController().signal)
    expect(await ask('delete')).toMatchObject({ unsaved: [], unsavedKnown: true })
    await rig.run(
      id,
      'sh',
      '-c',
      'git config user.name x; git config user.email x@x; echo 2 > a; git stash -q; echo 3 > a; git commit -qam local; echo 4 > a; touch new1 "new 2"',
    )
    const survival = await ask('delete')
    expect(survival.unsaved).toEqual([
      { repository: '/workspaces/unsaved', uncommitted: 1, untracked: 2, unpushed: 1, stashed: 1 },
    ])
    expect(survival.lost.map(({ path }) => path)).toContain('/workspaces/unsaved')
    expect((await ask('rebuild')).kept.map(({ path }) => path)).toEqual(['/workspaces/unsaved', '/home/dev'])
  })

  it('shows what is done with plain docker, and brings a removed container back', async () => {
    const { id } = await up({ kind: 'image', image })
    const { instance = '' } = rig.workspace(id)
    await rig.run(id, 'sh', '-c', 'echo kept > kept')
    execFileSync('docker', ['stop', '-t', '0', instance])
    await rig.state(id, (workspace) => workspace?.state === 'stopped')
    execFileSync('docker', ['rm', instance])
    await rig.state(id, (workspace) => workspace?.problem?.code === 'workspace-gone')
    expect((await rig.act('rebuild', id)).problem).toBeUndefined()
    expect(await rig.run(id, 'cat', 'kept')).toBe('kept\n')
  })
})
