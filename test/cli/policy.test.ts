import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ActionDocument,
  PoliciesDocument,
  PolicyCheckDocument,
  PrebuildDocument,
  ProblemDocument,
} from '../../cli/documents'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
beforeAll(async () => {
  berth = await commandLine()
})
afterAll(() => berth?.dispose())

const spec = (text: string) =>
  `apiVersion: berth.dev/v1\nkind: Policy\nmetadata:\n  name: blue\nspec:\n${text}`

/** A repository of one commit; what it says may be changed. */
async function repository(name: string, files: Record<string, string>) {
  const folder = join(berth.home, name)
  const git = (...args: string[]) =>
    command('git', ['-C', folder, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args])
  await mkdir(folder, { recursive: true })
  await git('init', '--quiet')
  const write = async (changed: Record<string, string>) => {
    for (const [path, text] of Object.entries(changed)) await writeFile(join(folder, path), text)
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'Change')
  }
  await write(files)
  return { folder, url: pathToFileURL(folder).href, write }
}

const labelsOf = async (id: string) =>
  JSON.parse(await command('docker', ['inspect', '--format', '{{json .}}', ...(await containersOf(id))])) as {
    readonly Config: {
      readonly Labels: Record<string, string>
      readonly Env: string[]
      readonly Image: string
    }
    readonly HostConfig: { readonly CpuQuota: number; readonly CpuPeriod: number; readonly Memory: number }
  }
const containersOf = async (id: string) =>
  (await command('docker', ['ps', '--all', '--quiet', '--filter', `label=berth.dev/workspace=${id}`]))
    .split('\n')
    .filter(Boolean)

const refused = async (...args: string[]) => {
  const { code, stdout } = await berth.run([...args, '--json'])
  expect(code, stdout.toString()).toBe(1)
  return ProblemDocument.parse(JSON.parse(stdout.toString())).problem
}

describe('berth policy check', () => {
  it('tells mistakes with their places, and by its exit code', async () => {
    const good = join(berth.home, 'good.yaml')
    const bad = join(berth.home, 'bad.yaml')
    await writeFile(good, spec('  images: { allowed: [debian] }\n'))
    await writeFile(bad, spec('  imags: {}\n'))
    expect(await berth.json(PolicyCheckDocument, ['policy', 'check', good])).toEqual({
      valid: true,
      problems: [],
    })
    const { code, stderr } = await berth.run(['policy', 'check', bad])
    expect(code).toBe(1)
    expect(stderr).toContain(`${bad}:6:3`)
    expect(stderr).toContain('Did you mean "images"?')
  })
})

describe('a team policy of a git repository', () => {
  it('has a say in what the user allows, and in prebuilds', async () => {
    const team = await repository('rights', {
      'berth.yaml': spec(`  images: { allowed: ["${TEST_IMAGES.debian}"] }
  rights: { privileged: deny, folder: deny }
`),
    })
    const name = uniqueName('policy')
    const source = await repository(`${name}-rights`, {
      '.devcontainer.json': JSON.stringify({
        image: TEST_IMAGES.debian,
        privileged: true,
        mounts: ['type=bind,source=/etc,target=/host'],
      }),
    })
    const other = await repository(`${name}-other`, {
      Dockerfile: `FROM ${TEST_IMAGES.alpine}\n`,
      '.devcontainer.json': JSON.stringify({ build: { dockerfile: 'Dockerfile' } }),
    })
    const earlier = await berth.json(PrebuildDocument, ['prebuild', other.url])
    await berth.json(PoliciesDocument, ['policy', 'add', team.url])
    try {
      const problem = await refused('up', source.folder, '--allow-rights', '--name', name)
      expect(problem.code).toBe('policy-refused')
      expect(JSON.stringify(problem)).toContain('privileged')
      const { code, stderr } = await berth.run(['up', source.folder, '--name', name])
      expect(code, stderr).toBe(0)
      expect(stderr).toContain('Not applied: mount /etc')
      expect((await refused('prebuild', other.url)).code).toBe('policy-refused')
      // A prebuild that is older than the rules is no way around them.
      const built = await refused('up', other.url, '--name', `${name}-other`)
      expect([built.code, built.cause]).toEqual(['policy-refused', expect.stringContaining('Dockerfile:1')])

      // What is refused by now is told at a start, and keeps nobody from what is in it.
      await team.write({ 'berth.yaml': spec(`  images: { denied: ["${TEST_IMAGES.debian}"] }\n`) })
      await berth.run(['policy', 'refresh'])
      const told = await berth.run(['start', name])
      expect([told.code, told.stderr]).toEqual([
        0,
        expect.stringContaining('not as the team wants it by now'),
      ])
      expect(told.stderr).toContain('spec.images.denied')
      expect((await refused('rebuild', name, '--yes')).code).toBe('policy-refused')
    } finally {
      await berth.run(['delete', name, '--yes'])
      await berth.run(['delete', `${name}-other`, '--yes'])
      await berth.run(['policy', 'remove', team.url])
      await berth.run(['prebuild', 'remove', earlier.prebuild.id])
    }
  })

  it('refuses, changes and explains what is made', async () => {
    const name = uniqueName('policy')
    const team = await repository('team', {
      'berth.yaml': spec(`  images:
    allowed: ["mirror.invalid/*"]
    mirrors: { "mirror.invalid/debian": "${TEST_IMAGES.debian}" }
  resources: { max: { cpu: "1", memory: 256Mi } }
  idle: { maximum: 8, default: 2 }
  env: { TEAM: blue, KEPT: { value: team, enforce: true } }
  labels: { cost.example/center: "42" }
  message: { text: Ask the platform team, url: "https://wiki.example/berth" }
`),
    })
    const source = await repository(`${name}-source`, {
      Dockerfile: 'FROM mirror.invalid/debian\nFROM evil.invalid/thing\n',
      '.devcontainer.json': JSON.stringify({
        image: 'mirror.invalid/debian',
        containerEnv: { TEAM: 'own', KEPT: 'own' },
      }),
    })
    const added = await berth.json(PoliciesDocument, ['policy', 'add', team.url])
    expect(added.policies).toMatchObject([{ name: 'blue', state: 'current', problem: null }])
    try {
      const image = await refused('up', '--image', 'docker.io/evil/thing', '--name', name)
      expect(image).toMatchObject({
        code: 'policy-refused',
        title: 'The image docker.io/evil/thing is not allowed',
      })
      expect(image.cause).toContain('berth.yaml:7 (spec.images.allowed)')
      expect(image.remedy).toContain('mirror.invalid/*')
      // Names that only hold one that is allowed.
      expect((await refused('up', '--image', 'evil.invalid/mirror.invalid/debian')).code).toBe(
        'policy-refused',
      )
      const built = await refused('up', source.folder, '--definition', 'Dockerfile', '--name', name)
      expect(built.cause).toContain('Dockerfile:2')
      expect((await refused('up', source.folder, '--idle', 'off')).title).toContain('idle for ever')

      const { code, stdout, stderr } = await berth.run(['up', source.folder, '--name', name])
      expect(code, stderr).toBe(0)
      expect(stdout.toString().trim()).toBe(name)
      expect(stderr).toContain(
        `Team policy blue: Image mirror.invalid/debian is got from ${TEST_IMAGES.debian}`,
      )
      expect(stderr).toContain('Team policy blue: Limited to 1 CPU.')
      expect(stderr).toContain(
        'Team policy blue: Variable KEPT is set, in place of what the definition says.',
      )

      const idle = await refused('idle', name, '9h')
      expect(idle).toMatchObject({ code: 'policy-refused' })
      expect(idle.remedy).toContain('8 hours')
      expect((await refused('idle', name, '--keep', '10h')).code).toBe('policy-refused')

      const listed = JSON.parse((await berth.run(['list', '--json'])).stdout.toString())
      const workspace = listed.workspaces.find((one: { name: string }) => one.name === name)
      expect(workspace.idle).toEqual({ minutes: 120, whileClosed: false })
      const { Config, HostConfig } = await labelsOf(workspace.id)
      expect(Config.Labels['cost.example/center']).toBe('42')
      expect(Config.Image).toBe(TEST_IMAGES.debian)
      expect(Config.Env).toEqual(expect.arrayContaining(['TEAM=own', 'KEPT=team']))
      expect(HostConfig).toMatchObject({ CpuQuota: 100_000, CpuPeriod: 100_000, Memory: 256 * 2 ** 20 })

      // What the team says by then holds for a rebuild.
      await team.write({ 'berth.yaml': spec(`  images: { denied: ["mirror.invalid/debian"] }\n`) })
      expect((await berth.run(['policy', 'refresh'])).code).toBe(0)
      expect(await refused('rebuild', name, '--yes')).toMatchObject({ code: 'policy-refused' })
    } finally {
      await berth.run(['delete', name, '--yes'])
      await berth.run(['policy', 'remove', team.url])
    }
  })

  it('keeps what it governs from being made while it has a mistake, and while it was never read', async () => {
    const name = uniqueName('policy')
    const team = await repository('mistaken', { 'berth.yaml': spec('  env: { A: b }\n') })
    const create = ['up', '--image', TEST_IMAGES.debian, '--name', name]
    try {
      await berth.json(PoliciesDocument, ['policy', 'add', team.url])
      await team.write({ 'berth.yaml': spec('  envs: { A: b }\n') })
      expect((await berth.run(['policy', 'refresh'])).code).toBe(1)
      const mistake = await refused(...create)
      expect(mistake).toMatchObject({ code: 'policy-unreadable' })
      expect(mistake.cause).toContain('Line 6, column 3')

      await team.write({ 'berth.yaml': spec('  env: { A: b }\n') })
      const made = await berth.json(ActionDocument, create)
      expect(made.workspace?.name).toBe(name)

      // Gone for now: the last copy holds, and is told to be one.
      await rm(team.folder, { recursive: true })
      const { policies } = await berth.json(PoliciesDocument, ['policy', 'list'])
      expect(policies).toMatchObject([
        { state: 'old', name: 'blue', commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
      ])
      expect((await berth.json(ActionDocument, ['rebuild', name, '--yes'])).workspace?.state).toBe('running')
      // A copy counts for an hour without a look; one that is older says what it is.
      const [file = ''] = await readdir(join(berth.home, '.cache', 'berth', 'policies'))
      const copy = join(berth.home, '.cache', 'berth', 'policies', file)
      const kept = JSON.parse(await readFile(copy, 'utf8'))
      await writeFile(copy, JSON.stringify({ ...kept, readAt: kept.readAt - 7_200_000 }))
      const second = uniqueName('policy')
      const { stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', second])
      await berth.run(['delete', second, '--yes'])
      expect(stderr).toContain('Team policy blue: An earlier copy holds, read ')

      await rm(join(berth.home, '.cache', 'berth', 'policies'), { recursive: true })
      const unknown = await refused(...create)
      expect(unknown).toMatchObject({ code: 'policy-unreadable' })
      expect(unknown.remedy).toContain('berth policy remove')
      expect((await berth.run(['policy', 'remove', team.url])).code).toBe(0)
    } finally {
      await berth.run(['policy', 'remove', team.url])
      await berth.run(['delete', name, '--yes'])
    }
  })
})
