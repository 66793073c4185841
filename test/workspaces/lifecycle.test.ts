import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { testLifecycle } from './lifecycle.suite'
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

testLifecycle({
  get machine() {
    return machine
  },
  get rig() {
    return rig
  },
  another: () => new Rig(machine),
  told: (id) =>
    command('docker', ['inspect', '--format', '{{json .Config.Labels}}', rig.workspace(id).instance ?? '']),
})

describe('a git repository', () => {
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
        workspaceMount: 'source=${localWorkspaceFolder},target=/src/app,type=bind',
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
      '.devcontainer.json': JSON.stringify({
        image,
        workspaceMount: 'source=${localWorkspaceFolder},target=/srv/code,type=bind',
        workspaceFolder: '/srv/code',
        remoteUser: 'dev',
      }),
      'a.txt': 'a',
    })
    const { id } = await up(gitSource(bare))
    expect(await rig.run(id, 'sh', '-c', 'pwd; cat a.txt; stat -c %U . a.txt')).toBe('/srv/code\nadev\ndev\n')
  })

  it('leaves a folder of the image as it is, and has the source where it usually is', async () => {
    const bare = repository(machine.home, 'beside', {
      '.devcontainer.json': JSON.stringify({
        image,
        workspaceFolder: '/etc/apt',
        postCreateCommand: 'pwd > /tmp/where',
      }),
      'a.txt': 'a',
    })
    const { id, definition } = await up(gitSource(bare))
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['workspaceFolder'])
    const look = 'pwd; cat /tmp/where /workspaces/beside/a.txt; ls -d sources.list* | head -1'
    expect(await rig.run(id, 'sh', '-c', look)).toMatch(/^\/etc\/apt\n\/etc\/apt\nasources\.list/)
    await rig.run(id, 'sh', '-c', 'echo more > /workspaces/beside/b.txt')
    const { unsaved } = await rig.service.handlers['workspaces.survival'](
      { workspaceId: id, action: 'delete' },
      new AbortController().signal,
    )
    expect(unsaved).toMatchObject([{ repository: '/workspaces/beside', untracked: 1 }])
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
  it('rebuilds with a Dockerfile that the source has now', async () => {
    const bare = repository(machine.home, 'rebuilt-anew', {
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

  it('leaves what runs in the background to itself when Berth ends', async () => {
    const bare = repository(machine.home, 'server', {
      '.devcontainer.json': JSON.stringify({ image, postAttachCommand: 'echo serving; exec sleep 4321' }),
    })
    const other = new Rig(machine)
    await other.service.settled
    const { id } = await other.create(gitSource(bare))
    await expect.poll(() => other.output).toContain('serving')
    await other.dispose()
    await rig.state(id, (workspace) => workspace?.state === 'running')
    expect(await rig.run(id, 'ps', '-eo', 'args')).toContain('sleep 4321')
    expect(rig.workspace(id).reason).toBe('Running')
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

describe('an image with metadata, and Features', () => {
  it('say who works in it, what is set and what is run, before the definition itself', async () => {
    const path = join(machine.home, 'featured')
    writeFiles(path, {
      '.devcontainer/devcontainer.json': JSON.stringify({
        build: { dockerfile: 'Dockerfile' },
        features: { './mark': { word: 'hello' } },
        containerEnv: { BOTH: 'definition' },
        postCreateCommand: 'echo definition >> /tmp/order',
      }),
      '.devcontainer/Dockerfile': `FROM ${image}
LABEL devcontainer.metadata='[{"remoteUser":"dev","containerEnv":{"BOTH":"image","IMAGE":"yes"},"postCreateCommand":"echo image >> /tmp/order"}]'
`,
      '.devcontainer/mark/devcontainer-feature.json': JSON.stringify({
        id: 'mark',
        version: '1.2.3',
        options: { word: { type: 'string', default: 'none' }, loud: { type: 'boolean', default: true } },
        containerEnv: { BOTH: 'feature', FEATURE: 'yes' },
        entrypoint: '/usr/local/share/mark-entry',
        postCreateCommand: 'echo feature >> /tmp/order',
      }),
      '.devcontainer/mark/install.sh': `#!/bin/sh
set -e
echo "$WORD $LOUD $_REMOTE_USER $_REMOTE_USER_HOME $(id -un)" > /usr/local/share/mark
printf '#!/bin/sh\\ntouch /tmp/entered\\n' > /usr/local/share/mark-entry
chmod 755 /usr/local/share/mark-entry
`,
    })
    const { id, user, definition } = await up({ kind: 'folder', path })
    expect(user.name).toBe('dev')
    expect(definition.notApplied).toEqual([])
    expect(await rig.run(id, 'cat', '/usr/local/share/mark')).toBe('hello true dev /home/dev root\n')
    expect(await rig.run(id, 'sh', '-c', 'echo $BOTH $IMAGE $FEATURE; ls /tmp/entered; cat /tmp/order')).toBe(
      'definition yes yes\n/tmp/entered\nimage\nfeature\ndefinition\n',
    )
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await rig.run(id, 'cat', '/tmp/order')).toBe('image\nfeature\ndefinition\n')
  })
})
