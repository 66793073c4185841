import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { git, gitSource, type Machine, type Rig, repository, writeFiles } from './rig'

const image = TEST_IMAGES.debian

/** Where workspaces are made. What it has is that of the test that runs; its machine's environment has a `TOKEN`. */
export interface LifecyclePlace {
  readonly machine: Machine
  readonly rig: Rig
  /** Another Berth of the same user, to the same target. */
  another(): Rig
  /** All that the target tells of a workspace to who may look at it. */
  told(id: string): Promise<string>
}

/** What becomes of a workspace, wherever it is. */
export function testLifecycle(place: LifecyclePlace): void {
  it('comes up with its source, environment and lifecycle commands in their order', async () => {
    const bare = repository(place.machine.home, 'My_App', {
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
        shutdownAction: 'none',
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
      'sub folder/ünï.txt': 'text',
    })
    const work = join(place.machine.home, 'My_App-work')
    symlinkSync('run.sh', join(work, 'link'))
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Second')
    git(work, 'push', '--quiet', bare, 'main')

    const { id, state, name, user, definition } = await place.rig.up(gitSource(bare))
    expect({ state, name }).toEqual({ state: 'running', name: 'my-app' })
    expect(user).toMatchObject({ name: 'dev', uid: 1000 })
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['shutdownAction'])
    expect(await place.rig.run(id, 'pwd')).toBe('/workspaces/My_App\n')
    expect(await place.rig.run(id, 'cat', 'order')).toBe('one\ntwo\nfour\nfive\n')
    expect(await place.rig.run(id, 'cat', 'seen')).toBe('a-secret-value\n')
    expect(await place.rig.run(id, 'sh', '-c', 'echo $BOTH')).toBe('x-a-secret-value\n')
    expect(await place.rig.run(id, './link')).toBe('ran\n')
    expect(await place.rig.run(id, 'cat', 'sub folder/ünï.txt')).toBe('text')
    expect(await place.rig.run(id, 'stat', '-c', '%U %a', 'run.sh', '.git')).toBe('dev 755\ndev 755\n')
    expect(await place.rig.run(id, 'git', 'log', '--format=%s')).toBe('Second\nFirst\n')
    expect(await place.rig.run(id, 'git', 'status', '--short')).toBe('?? order\n?? seen\n')
    expect(await place.rig.run(id, 'git', 'remote', 'get-url', 'origin')).toBe(`file://${bare}\n`)
    expect(place.rig.output).toContain('[a] three-a')

    expect(await place.told(id)).not.toContain('a-secret-value')
    const again = place.another()
    await again.service.settled
    expect(again.workspace(id)).toMatchObject({ state: 'running', name: 'my-app', definition })
    await again.dispose()
  })

  it('checks out a branch, a tag, a commit and a short commit, with submodules', async () => {
    const inner = repository(place.machine.home, 'inner', { 'inner.txt': 'inside' })
    const bare = repository(place.machine.home, 'outer', { 'a.txt': 'main' })
    const work = join(place.machine.home, 'outer-work')
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

    const branch = await place.rig.up(gitSource(bare, 'feature/x'))
    expect(await place.rig.run(branch.id, 'cat', 'a.txt', 'deps/inner/inner.txt')).toBe('featureinside')
    expect(await place.rig.run(branch.id, 'git', 'branch', '--show-current')).toBe('feature/x\n')
    const tag = await place.rig.up(gitSource(bare, 'v1'))
    expect(tag.name).toBe('outer-2')
    expect(await place.rig.run(tag.id, 'cat', 'a.txt')).toBe('feature')
    for (const commit of [first, first.slice(0, 8)]) {
      const at = await place.rig.up({
        kind: 'git',
        url: `file://${bare}`,
        ref: { kind: 'commit', id: commit },
      })
      expect(await place.rig.run(at.id, 'git', 'rev-parse', 'HEAD')).toBe(`${first}\n`)
    }
  })

  it('stops, starts with its start commands, restarts, renames and deletes', async () => {
    const bare = repository(place.machine.home, 'actions', {
      '.devcontainer.json': JSON.stringify({
        image,
        postCreateCommand: 'echo c >> ~/log',
        postStartCommand: 'echo s >> ~/log',
      }),
    })
    const { id, incarnation } = await place.rig.up(gitSource(bare))
    expect((await place.rig.act('stop', id)).state).toBe('succeeded')
    expect(place.rig.workspace(id).state).toBe('stopped')
    expect((await place.rig.act('start', id)).state).toBe('succeeded')
    expect(place.rig.workspace(id).state).toBe('running')
    expect(place.rig.workspace(id).incarnation).not.toBe(incarnation)
    expect((await place.rig.act('restart', id)).state).toBe('succeeded')
    expect(await place.rig.run(id, 'sh', '-c', 'cat ~/log')).toBe('c\ns\ns\ns\n')
    const renamed = await place.rig.service.handlers['workspaces.rename'](
      { workspaceId: id, name: 'another' },
      new AbortController().signal,
    )
    await place.rig.succeeded(renamed.operationId)
    expect(place.rig.workspace(id)).toMatchObject({ name: 'another', state: 'running' })
    await place.rig.act('delete', id)
    expect(place.rig.service.workspaces.get(id)).toBeUndefined()
  })

  it('rebuilds from what the source says now, and keeps source and home', async () => {
    const bare = repository(place.machine.home, 'rebuilt', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
    })
    const { id } = await place.rig.up(gitSource(bare))
    const definition = JSON.stringify({
      image,
      remoteUser: 'dev',
      containerEnv: { NEW: 'new' },
      postCreateCommand: 'echo again > created',
    })
    await place.rig.run(
      id,
      'sh',
      '-c',
      `echo kept > kept; echo home > ~/kept; printf %s '${definition}' > .devcontainer.json`,
    )
    expect((await place.rig.act('rebuild', id)).problem).toBeUndefined()
    expect(place.rig.workspace(id).definition.containerEnv).toEqual({ NEW: 'new' })
    expect(await place.rig.run(id, 'sh', '-c', 'cat kept ~/kept created; echo $NEW')).toBe(
      'kept\nhome\nagain\nnew\n',
    )
  })

  it('brings the old one back when a rebuild fails, running as it was', async () => {
    const bare = repository(place.machine.home, 'kept', {
      '.devcontainer.json': JSON.stringify({ image, containerEnv: { WHICH: 'old' } }),
    })
    const { id } = await place.rig.up(gitSource(bare))
    const definition = { image, containerEnv: { WHICH: 'new' }, onCreateCommand: 'echo broken; exit 3' }
    await place.rig.run(id, 'sh', '-c', `printf %s '${JSON.stringify(definition)}' > .devcontainer.json`)
    const failed = await place.rig.act('rebuild', id)
    expect(failed.problem).toMatchObject({ code: 'lifecycle-failed', detail: 'broken\n' })
    expect(place.rig.workspace(id)).toMatchObject({ state: 'running' })
    expect(await place.rig.run(id, 'sh', '-c', 'echo $WHICH')).toBe('old\n')

    await place.rig.run(id, 'sh', '-c', 'echo \'{"image": \' > .devcontainer.json')
    const invalid = await place.rig.act('rebuild', id)
    expect(invalid.problem).toMatchObject({ code: 'definition-invalid' })
    expect(await place.rig.run(id, 'sh', '-c', 'echo $WHICH')).toBe('old\n')
  })

  it('keeps a workspace whose lifecycle command fails, and says which', async () => {
    const bare = repository(place.machine.home, 'failing', {
      '.devcontainer.json': JSON.stringify({
        image,
        onCreateCommand: 'echo oh; exit 7',
        postCreateCommand: 'touch ~/later',
      }),
    })
    const { id, operationId } = await place.rig.create(gitSource(bare))
    const problem = await place.rig.failure(operationId)
    expect(problem).toMatchObject({
      code: 'lifecycle-failed',
      title: 'onCreateCommand failed',
      cause: '“echo oh; exit 7” ended with exit code 7.',
      detail: 'oh\n',
    })
    expect(place.rig.workspace(id)).toMatchObject({
      state: 'running',
      reason: 'Running; onCreateCommand failed',
    })
    expect(await place.rig.run(id, 'sh', '-c', 'test ! -e ~/later && echo fine')).toBe('fine\n')
  })

  it('is ready after waitFor; what comes later runs on, and the next action ends it', async () => {
    const bare = repository(place.machine.home, 'background', {
      '.devcontainer.json': JSON.stringify({
        image,
        onCreateCommand: 'touch ~/first',
        postStartCommand: 'echo up; sleep 1000',
      }),
    })
    const { id, operationId } = await place.rig.create(gitSource(bare))
    await place.rig.state(id, (workspace) => workspace?.state === 'running')
    expect(place.rig.service.operations.get(operationId)?.state).toBe('running')
    await place.rig.step(operationId, 'postStartCommand', 'running')
    expect((await place.rig.act('stop', id)).problem).toBeUndefined()
    expect((await place.rig.ended(operationId)).state).toBe('cancelled')
    expect(place.rig.workspace(id).state).toBe('stopped')
  })

  it('tells what survives, and what git work would be lost', async () => {
    const bare = repository(place.machine.home, 'unsaved', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
      a: '1',
    })
    const { id } = await place.rig.up(gitSource(bare))
    const ask = (action: 'delete' | 'rebuild') =>
      place.rig.service.handlers['workspaces.survival'](
        { workspaceId: id, action },
        new AbortController().signal,
      )
    expect(await ask('delete')).toMatchObject({ unsaved: [], unsavedKnown: true })
    await place.rig.run(
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

  it('has the services of its Docker Compose file beside it, with their data over stop and rebuild', async () => {
    const ask = "import urllib.request as u; print(u.urlopen('http://db:7070/word').read().decode(), end='')"
    const bare = repository(place.machine.home, 'composed', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        dockerComposeFile: 'compose.yml',
        service: 'app',
        workspaceFolder: '/workspaces/composed',
        remoteUser: 'dev',
        forwardPorts: ['db:7070'],
        postCreateCommand: `python3 -c "${ask}" > asked`,
      }),
      '.devcontainer/compose.yml': `
services:
  app:
    image: ${image}
    command: sleep infinity
    volumes: ['..:/workspaces/composed:cached']
    environment: { WHERE: db }
    depends_on:
      db: { condition: service_healthy }
    network_mode: service:db
  db:
    image: ${image}
    working_dir: /data
    command: ['sh', '-c', 'trap "exit 0" TERM; [ -e word ] || echo "$$WORD" > word; python3 -m http.server 7070 --bind 127.0.0.1 & wait $$!']
    environment: { WORD: '\${WORD:-kept}' }
    volumes: ['words:/data', './seed:/seed:ro']
    healthcheck:
      test: ['CMD', 'python3', '-c', "import urllib.request as u; u.urlopen('http://localhost:7070/word')"]
      interval: 1s
      start_period: 1m
volumes:
  words:
`,
      '.devcontainer/seed/first.txt': 'seeded',
    })
    const { id, definition, services } = await place.rig.up(gitSource(bare))
    expect(definition.services.map(({ name }) => name)).toEqual(['db'])
    expect(definition.forwardPorts).toEqual([7070])
    expect(services).toMatchObject([{ name: 'db', image }])
    const see = (...command: string[]) => place.rig.run(id, ...command)
    expect(await see('sh', '-c', 'pwd; cat asked; echo $WHERE')).toBe('/workspaces/composed\nkept\ndb\n')
    await see('python3', '-c', ask)
    expect((await place.rig.act('stop', id)).problem).toBeUndefined()
    expect((await place.rig.act('start', id)).problem).toBeUndefined()
    expect(await see('python3', '-c', ask)).toBe('kept\n')
    await see('sed', '-i', 's/:-kept/:-other/', '.devcontainer/compose.yml')
    expect((await place.rig.act('rebuild', id)).problem).toBeUndefined()
    expect(await see('python3', '-c', ask)).toBe('kept\n')
  })
}
