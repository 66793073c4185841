import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Operation, Source, Workspace } from '#contract'
import { devcontainerId } from '../../main/engine/definitions/variables'
import { allowedAfterStart, changesByStart, differencesOf } from '../compare/drivers/allowed'
import { type DriverCase, driverCases } from '../compare/drivers/cases'
import { type Look, lookScript, readLook } from '../compare/drivers/look'
import { command } from '../harness/command'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type Registry, startRegistry } from '../harness/registry'
import { created, git, gitSource, Machine, purge, Rig, repository, writeFiles } from '../workspaces/rig'

// Each definition is brought up on a Docker engine and on a cluster at the same time, and looked into.

let namespace: TestNamespace
let registry: Registry
let machine: Machine
let rig: Rig
let docker: string
let cluster: string
let dotfiles: string

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  registry = await startRegistry()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig, FROM_HERE: 'from here' })
  // A folder is copied to both: a mounted one belongs to whoever has it on this machine.
  rig = new Rig(machine, { kind: 'both', bindMounts: false, runsTasks: true })
  await rig.service.settled
  dotfiles = repository(machine.home, 'dotfiles', {
    'install.sh': '#!/bin/sh\necho "$(id -un) $PWD" > ~/.installed\n',
  })
  const idOf = (kind: string) => rig.service.targets.list().find((one) => one.kind === kind)?.id ?? 'none'
  docker = idOf('docker')
  cluster = idOf('kubernetes')
})
afterAll(async () => {
  await rig?.dispose()
  const left = [...created]
  purge()
  for (const id of left) await removeVolumes(id)
  const leftovers = machine?.leftovers()
  machine?.dispose()
  await registry?.dispose()
  await namespace?.dispose()
  expect(leftovers).toEqual([])
})

/** Of each target its own, as what runs on this machine may write there. */
function prepare(name: string, target: string, { files, isFolder }: DriverCase): Source {
  const folder = join(machine.home, 'cases', target, name, 'app')
  writeFiles(folder, files)
  symlinkSync('run.sh', join(folder, 'link'))
  if (isFolder) return { kind: 'folder', path: folder }
  git(folder, 'init', '--quiet', '--initial-branch=main')
  git(folder, 'add', '.')
  git(folder, 'commit', '--quiet', '-m', 'First')
  return gitSource(join(folder, '.git'))
}

/** What differs by its nature, such as a workspace's id, under one name on both. */
function plain(text: string, { id, name, source }: Workspace): string {
  const known = new Map([
    [devcontainerId(id), '<devcontainerId>'],
    [id, '<id>'],
    [name, '<name>'],
    ...(source.kind === 'folder' ? [[source.path, '<folder>'] as const] : []),
  ])
  const said = [...known].reduce((all, [own, common]) => all.replaceAll(own, common), text)
  return said.replaceAll(/berth\/<id>:\w+/g, 'berth/<id>:<tag>')
}

async function look(workspace: Workspace, { folders = [], ready, ask }: DriverCase): Promise<Look> {
  if (ready !== undefined) {
    await rig.run(workspace.id, 'sh', '-c', `until { ${ready}\n}; do sleep 0.2; done > /dev/null 2>&1`)
  }
  const asked = ask === undefined ? '' : `printf 'asked\\t'; { ${ask}\n} 2>&1 | tr '\\n' '\\1'; echo\n`
  const output = await rig.runProbed(workspace.id, 'sh', '-c', `${lookScript}${asked}`, 'look', ...folders)
  return readLook(plain(output, workspace))
}

/** What Berth itself says of it. */
function told(workspace: Workspace, { steps }: Operation): Look {
  const { notApplied: _, ...definition } = workspace.definition
  const { state, user, services } = workspace
  const fields = Object.entries({ ...definition, state, user, services })
  return {
    ...Object.fromEntries(
      fields.map(([field, value]) => [`told ${field}`, plain(JSON.stringify(value) ?? '', workspace)]),
    ),
    // An image comes about in other ways.
    'told steps': steps
      .filter(({ id }) => !['prebuild', 'image', 'features', 'build', 'push'].includes(id))
      .map(({ id, state }) => `${id} ${state}`)
      .join(', '),
  }
}

/** Those that a definition names outlive the workspace on an engine. */
async function removeVolumes(id: string): Promise<void> {
  const volumes = await command('docker', ['volume', 'ls', '-q', '--filter', `name=${devcontainerId(id)}`])
  const names = volumes.split('\n').filter(Boolean)
  if (names.length > 0) await command('docker', ['volume', 'rm', ...names])
}

async function bringUp(name: string, one: DriverCase, targetId: string) {
  const short = `same-${Object.keys(driverCases).indexOf(name)}`
  const target = targetId === cluster ? 'cluster' : 'docker'
  const build = { builder: docker, pushTo: `${registry.address}/same/app` }
  const { id, operationId } = await rig.create(prepare(short, target, one), {
    targetId,
    name: `${short}-${target}`,
    ...(one.hasDotfiles && { dotfiles: { repository: `file://${dotfiles}` } }),
    ...(targetId === cluster && { kubernetes: { build, storage: '1Gi' } }),
  })
  const operation = await rig.succeeded(operationId).catch((error: unknown) => {
    throw new Error(`On ${targetId}: ${String(error)}`)
  })
  const seen = await look(rig.workspace(id), one)
  // An engine's first look at whether a service is well comes when its interval has passed.
  await rig.state(id, (now) => now?.services?.every(({ state }) => state !== 'starting') ?? true)
  const workspace = rig.workspace(id)
  const made = { ...seen, ...told(workspace, operation) }
  expect((await rig.act('restart', id)).problem).toBeUndefined()
  const again = await look(rig.workspace(id), one)
  expect((await rig.act('delete', id)).problem).toBeUndefined()
  await removeVolumes(id)
  return { made, again, named: workspace.definition.notApplied.map(({ field }) => field) }
}

describe.concurrent('a definition comes to the same on a Docker engine and on a cluster', () => {
  it.each(Object.entries(driverCases))('%s', async (name, one) => {
    const [onDocker, onCluster] = await Promise.all([bringUp(name, one, docker), bringUp(name, one, cluster)])
    const { allowed = [] } = one
    const made = differencesOf(onDocker.made, onCluster.made, allowed)
    const again = differencesOf(onDocker.again, onCluster.again, [...allowed, ...allowedAfterStart])
    expect([...made.lines, ...again.lines.map((line) => `started again: ${line}`)]).toEqual([])
    expect(made.unused, 'these differ no more').toEqual([])
    expect({ docker: changesByStart(onDocker), cluster: changesByStart(onCluster) }).toEqual({
      docker: [],
      cluster: [],
    })
    expect(onCluster.named.filter((field) => !onDocker.named.includes(field))).toEqual(
      one.namedOnCluster ?? [],
    )
  })
})
