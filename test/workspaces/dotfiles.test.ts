import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Dotfiles, Operation } from '#contract'
import { type GitServer, startGitServer } from '../../main/engine/access/credentials/git-server.suite'
import { TEST_IMAGES } from '../harness/images'
import { Machine, purge, Rig, repository } from './rig'

const image = TEST_IMAGES.debian
let machine: Machine
let rig: Rig
let server: GitServer
let scripted: string
let linked: string

beforeAll(async () => {
  machine = new Machine()
  server = await startGitServer({ root: machine.home, login: 'me:pass word', closed: '/private/' })
  scripted = repository(machine.home, 'scripted', {
    'install.sh': '#!/bin/sh\npwd >>"$HOME/installed"; id -un >>"$HOME/installed"\n',
    setup: 'exit 1\n',
    'tools/mine': 'echo "$PWD by mine" >"$HOME/mine"\n',
    'failing.sh': '#!/bin/sh\necho "it is broken"; exit 7\n',
  })
  linked = repository(machine.home, 'linked', {
    '.mine': 'mine',
    '.config/app': 'app',
    'README.md': 'not a dot file',
  })
})

afterEach(async () => {
  await rig.dispose()
  purge()
  expect(machine.leftovers()).toEqual([])
})

afterAll(async () => {
  await server.close()
  machine.dispose()
})

async function up(dotfiles: Dotfiles | null | undefined, definition: object = {}) {
  rig = new Rig(machine)
  await rig.service.settled
  const folder = join(machine.home, 'app')
  mkdirSync(join(folder, '.devcontainer'), { recursive: true })
  writeFileSync(join(folder, '.devcontainer', 'devcontainer.json'), JSON.stringify({ image, ...definition }))
  const asked = dotfiles === undefined ? {} : { dotfiles }
  const { id, operationId } = await rig.create({ kind: 'folder', path: folder }, asked)
  const operation = await rig.succeeded(operationId)
  return { id, operation, run: (line: string) => rig.run(id, 'sh', '-c', line) }
}

const stepOf = (operation: Operation) => operation.steps.find(({ id }) => id === 'dotfiles')

describe('dotfiles', () => {
  it('are cloned to the home and install themselves, after postCreateCommand and before postStartCommand', async () => {
    const { id, operation, run } = await up(
      { repository: scripted },
      {
        postCreateCommand: '[ -e ~/installed ] || echo post >~/order',
        postStartCommand: '[ -e ~/installed ] && echo start >>~/order',
      },
    )
    expect(stepOf(operation)).toMatchObject({ state: 'done', detail: scripted })
    const home = rig.workspace(id).user.home
    expect(await run('cat ~/installed ~/order')).toBe(
      `${home}/dotfiles\n${rig.workspace(id).user.name}\npost\nstart\n`,
    )
    expect(await run('stat -c %U ~/dotfiles ~/dotfiles/.git')).toBe(
      `${rig.workspace(id).user.name}\n`.repeat(2),
    )
    // A new container lacks what was installed outside the home: it is done again, with the clone that is there.
    await run('echo own >~/dotfiles/own')
    expect(await rig.act('rebuild', id)).toMatchObject({ state: 'succeeded' })
    expect(await run('grep -c dotfiles ~/installed; cat ~/dotfiles/own')).toBe('2\nown\n')
    expect(await rig.act('restart', id)).toMatchObject({ state: 'succeeded' })
    expect(await run('grep -c dotfiles ~/installed')).toBe('2\n')
  })

  it('are linked where nothing installs them; folders of the home stay', async () => {
    const { run } = await up(
      { repository: linked, targetPath: '~/my/files' },
      { onCreateCommand: 'mkdir ~/.config' },
    )
    expect(await run('readlink ~/.mine; cat ~/.mine; ls -A ~/.config; ls ~ -A')).toMatch(
      /^\S+\/my\/files\/\.mine\nmine(?!app)(?!.*README)/s,
    )
    expect(rig.output).toContain('.config is left as it is')
  })

  it('run a file of theirs that is named, or a line', async () => {
    const first = await up({ repository: scripted, installCommand: 'tools/mine' })
    expect(await first.run('cat ~/mine')).toMatch(/\/dotfiles by mine\n$/)
    await rig.dispose()
    const second = await up({ repository: scripted, installCommand: 'ls tools >~/listed; echo "$PWD"' })
    expect(await second.run('cat ~/listed')).toBe('mine\n')
  })

  it('that fail are told, and the workspace is there', async () => {
    const { id, operation } = await up({ repository: scripted, installCommand: 'failing.sh' })
    expect(stepOf(operation)?.detail).toContain('failing.sh ended with exit code 7')
    expect(rig.workspace(id)).toMatchObject({ state: 'running' })
    expect(rig.workspace(id).reason).toContain('The dotfiles could not be installed')
    expect(rig.output).toContain('it is broken')
  })

  it('that cannot be put in place leave no half folder', async () => {
    const { id, run } = await up(
      { repository: scripted },
      {
        onCreateCommand:
          '[ -e ~/once ] || { touch ~/once; ln -s /nowhere ~/dotfiles; mkdir ~/dotfiles.berth-0123abcd; }',
      },
    )
    expect(rig.workspace(id).reason).toContain('The dotfiles could not be put in place')
    expect(await run('ls -A ~ | grep dotfiles')).toBe('dotfiles\n')
    // With the way free, all of them are there.
    await run('rm ~/dotfiles')
    expect(await rig.act('rebuild', id)).toMatchObject({ state: 'succeeded' })
    expect(await run('cat ~/installed')).toContain('/dotfiles\n')
  })

  it('that cannot be cloned are told too', async () => {
    const { id, operation } = await up({ repository: join(machine.home, 'nothing.git') })
    expect(stepOf(operation)?.state).toBe('done')
    expect(rig.workspace(id).state).toBe('running')
    expect(rig.workspace(id).reason).toContain('; ')
  })

  it('are those of the settings, unless a workspace wants none, also when it is rebuilt', async () => {
    rig = new Rig(machine)
    const file = join(machine.home, '.config', 'berth', 'settings.json')
    await rig.dispose()
    writeFileSync(file, JSON.stringify({ defaultImage: image, dotfiles: { repository: scripted } }))
    try {
      const usual = await up(undefined)
      expect(await usual.run('cat ~/installed')).toContain('/dotfiles\n')
      await rig.dispose()
      const none = await up(null)
      expect(stepOf(none.operation)).toBeUndefined()
      expect(await rig.act('rebuild', none.id)).toMatchObject({ state: 'succeeded' })
      expect(await none.run('ls -A ~')).not.toContain('dotfiles\n')
    } finally {
      writeFileSync(file, JSON.stringify({ defaultImage: image }))
    }
  })

  it('of a private repository are cloned with the credentials of this machine, which stay here', async () => {
    repository(machine.home, 'mine', { '.private': 'yes' })
    const helper = '!f() { echo username=me; echo "password=pass word"; }; f'
    execFileSync('git', ['config', '--global', 'credential.helper', helper], {
      env: { PATH: process.env.PATH, HOME: machine.home },
    })
    const { id, run } = await up({ repository: `${server.origin}/private/mine.git` })
    expect(await run('cat ~/.private; grep -r "pass word" ~/dotfiles || echo nowhere')).toBe('yesnowhere\n')
    expect(rig.workspace(id).state).toBe('running')
  })
})
