import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Operation, Source } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type Registry, startRegistry } from '../harness/registry'
import { git, gitSource, Machine, Rig, remainsOf, repository, writeFiles } from '../workspaces/rig'

const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'berth-cluster-prebuild-'))
let namespace: TestNamespace
let registry: Registry
/** Has a Docker engine beside the cluster. */
let maker: Rig
/** Has the cluster alone, as another laptop without Docker. */
let user: Rig
const machines: Machine[] = []

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  registry = await startRegistry({ password: true })
  maker = await rig('both')
  user = await rig('kubernetes')
})

afterAll(async () => {
  await maker?.dispose()
  await user?.dispose()
  for (const machine of machines) machine.dispose()
  await registry?.dispose()
  await namespace?.dispose()
  rmSync(folder, { recursive: true, force: true })
})

async function rig(kind: 'both' | 'kubernetes'): Promise<Rig> {
  const token = kind === 'both' ? { BERTH_TEST_TOKEN: 'very-secret-word' } : {}
  const machine = new Machine({ KUBECONFIG: namespace.kubeconfig, ...token })
  machines.push(machine)
  // As `docker login` leaves it.
  mkdirSync(join(machine.home, '.docker'), { recursive: true })
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
  writeFileSync(
    join(machine.home, '.docker/config.json'),
    JSON.stringify({ auths: { [registry.address]: { auth } } }),
  )
  const made = new Rig(machine, { kind })
  await made.service.settled
  return made
}

const targetOf = ({ service }: Rig, kind: string) =>
  service.targets.list().find((one) => one.kind === kind)?.id ?? 'none'

/** Each command says that it ran, in the source and in the home. */
const definition = {
  build: { dockerfile: 'Dockerfile' },
  remoteUser: 'dev',
  remoteEnv: { TOKEN: '$' + '{localEnv:BERTH_TEST_TOKEN}' },
  // Nobody can write into the second folder, nor into what is made of it.
  onCreateCommand:
    'echo on-create >> ~/ran; mkdir -p node_modules/locked; echo lib > node_modules/lib; chmod 555 node_modules/locked',
  updateContentCommand: 'echo update$TOKEN >> ~/ran; cp version ~/version',
  postCreateCommand: 'echo post-create >> ~/ran',
}

it('a prebuild goes through a registry, and a cluster makes workspaces of it', async () => {
  const bare = repository(folder, 'project', {
    '.devcontainer/devcontainer.json': JSON.stringify(definition),
    '.devcontainer/Dockerfile': `FROM ${TEST_IMAGES.alpine}\nRUN echo built > /made\n`,
    '.gitignore': 'node_modules\n',
    version: 'one\n',
    'old/file': 'goes\n',
  })
  const source = gitSource(bare)
  const commit = (files: Readonly<Record<string, string>>) => {
    const work = bare.replace(/\.git$/, '-work')
    writeFiles(work, files)
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Next')
    git(work, 'push', '--quiet', bare, 'main')
  }
  const pushTo = `${registry.address}/team/prebuilt`
  const targetId = targetOf(maker, 'kubernetes')
  const handlers = (one: Rig) => one.service.handlers
  const prebuild = async (build: object) => {
    const started = await handlers(maker)['prebuilds.create'](
      { source, targetId, build, force: false },
      never,
    )
    return { ...started, operation: await maker.ended(started.operationId) }
  }
  const list = () => handlers(user)['prebuilds.list']({ targetId, pushTo }, never)
  const step = ({ steps }: Operation, id: string) => steps.find((each) => each.id === id)
  const create = (from: Source) =>
    user.create(from, { targetId, kubernetes: { dockerLogin: true, build: { pushTo } } })
  const up = async () => {
    const { id, operationId } = await create(source)
    return { id, operation: await user.succeeded(operationId) }
  }

  await expect(prebuild({ pushTo })).rejects.toMatchObject({
    problem: { code: 'unsupported', cause: expect.stringContaining('which Docker engine') },
  })
  expect(await list()).toEqual([])
  const build = { builder: targetOf(maker, 'docker'), pushTo }
  const made = await prebuild(build)
  expect(made.operation.problem).toBeUndefined()
  expect(await remainsOf(made.workspaceId)).toEqual([])
  const labelled = ['images', '-q', '--filter', 'label=berth.dev/prebuild', '--format', '{{.Tag}}']
  expect(execFileSync('docker', labelled, { encoding: 'utf8' })).not.toContain(made.workspaceId)
  const again = await prebuild(build)
  expect(again.operation.steps.map(({ id }) => id)).toEqual(['definition', 'prebuild'])
  const [listed, ...others] = await list()
  expect(others).toEqual([])
  expect(listed).toMatchObject({ id: made.prebuildId, targetId, url: expect.stringMatching(/project\.git$/) })
  expect(listed?.image).toMatch(`${pushTo}:berth-prebuild-`)

  // No engine is there that could build the definition's image.
  const { id, operation } = await up()
  expect(step(operation, 'prebuild')?.detail).toMatch(/^Found: made .*, commit [0-9a-f]{7}$/)
  expect(operation.steps.map((each) => each.id)).toEqual([
    'definition',
    'prebuild',
    'image',
    'create',
    'start',
    'postCreateCommand',
  ])
  const ran = () => user.run(id, 'sh', '-c', 'cat ~/ran')
  expect(await ran()).toBe('on-create\nupdate\npost-create\n')
  expect(await user.run(id, 'cat', '/made', 'node_modules/lib', 'version')).toBe('built\nlib\none\n')
  const owners = await user.run(id, 'sh', '-c', 'stat -c %U . .git version node_modules/lib ~ ~/ran')
  expect(new Set(owners.trim().split('\n'))).toEqual(new Set(['dev']))
  expect(user.workspace(id)).toMatchObject({
    prebuild: { id: made.prebuildId, madeAt: listed?.madeAt, commit: listed?.commit },
    image: expect.stringMatching(`^${pushTo}@sha256:`),
    definition: { build: { dockerfile: '.devcontainer/Dockerfile' } },
  })

  // It belongs to the workspace: another pod has what was made of it, and copies nothing again.
  await user.run(id, 'sh', '-c', 'echo mine > version; rm -r old ~/version')
  expect((await user.act('restart', id)).state).toBe('succeeded')
  expect(await user.run(id, 'sh', '-c', 'cat version; ls -d old ~/version 2>/dev/null; true')).toBe('mine\n')
  expect(await ran()).toBe('on-create\nupdate\npost-create\n')

  commit({ version: 'two\n', 'new/file': 'comes\n' })
  const next = await up()
  expect(step(next.operation, 'prebuild')?.detail).toContain('the source is brought to')
  expect(step(next.operation, 'update')?.detail).toBe('2 files have changed')
  expect(await user.run(next.id, 'sh', '-c', 'cat ~/ran version new/file node_modules/lib ~/version')).toBe(
    'on-create\nupdate\nupdate\npost-create\ntwo\ncomes\nlib\ntwo\n',
  )
  expect(await user.run(next.id, 'cat', '.git/refs/heads/main')).toBe(git(bare, 'rev-parse', 'main'))

  const changed = { ...definition, onCreateCommand: 'true', forwardPorts: [80] }
  commit({ '.devcontainer/devcontainer.json': JSON.stringify(changed) })
  const other = await create(source)
  const missed = await user.ended(other.operationId)
  expect(step(missed, 'prebuild')?.detail).toBe(
    'The definition has changed since the prebuild was made: onCreateCommand',
  )
  // It has to be built then, and here nobody can.
  expect(missed.problem).toMatchObject({ code: 'definition-unsupported' })

  const place = { targetId, pushTo, prebuildId: made.prebuildId }
  await expect(handlers(user)['prebuilds.remove'](place, never)).rejects.toMatchObject({
    problem: { code: 'busy', cause: expect.stringContaining(user.workspace(id).name) },
  })
  for (const one of [id, next.id]) expect((await user.act('delete', one)).state).toBe('succeeded')
  expect(await handlers(user)['prebuilds.remove'](place, never)).toEqual({})
  expect(await list()).toEqual([])
  await expect(handlers(user)['prebuilds.remove'](place, never)).rejects.toMatchObject({
    problem: { code: 'not-found' },
  })
  for (const machine of machines) expect(machine.leftovers()).toEqual([])
})
