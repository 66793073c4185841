import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Source } from '#contract'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { created, gitSource, Machine, purge, Rig, remainsOf, repository, type Verb, writeFiles } from './rig'

const image = TEST_IMAGES.debian
// Below node_modules, so that what is not bundled is found.
const folder = resolve(`node_modules/.cache/berth-killed-${process.pid}`)
let machine: Machine
let rig: Rig | undefined

beforeAll(async () => {
  mkdirSync(folder, { recursive: true })
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: resolve('test/workspaces/killed-child.ts'),
      outDir: folder,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'child.mjs' } },
    },
  })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeEach(() => {
  machine = new Machine()
})

afterEach(async () => {
  const hanging = join(machine.home, 'hanging')
  if (existsSync(hanging)) {
    // What a killed Berth's programs leave is theirs to end; these would sleep for long.
    for (const pid of readFileSync(hanging, 'utf8').split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // Ended by itself.
      }
    }
  }
  await rig?.dispose()
  rig = undefined
  purge()
  machine.dispose()
})

type Place = { step: string } | { after: Verb }

/**
 * Starts a child that creates or rebuilds, kills it in a step or after a verb, and returns the workspace's id. `hasBegun`:
 * whether what goes on for long in the step does so by now.
 */
async function killedIn(
  at: Place,
  what: Source | string,
  hasBegun: (id: string) => boolean | Promise<boolean> = () => true,
): Promise<string> {
  const { id, kill } = await busyIn(at, what)
  await expect.poll(() => hasBegun(id)).toBe(true)
  // When it has told of itself everywhere.
  if ('step' in at) await new Promise((resolve) => setTimeout(resolve, 200))
  await kill()
  return id
}

/** Starts a child that creates or rebuilds, until it is in a step, or after a verb of its driver that then hangs. */
async function busyIn(
  at: Place,
  what: Source | string,
  home: string = machine.home,
): Promise<{ readonly id: string; kill(): Promise<void> }> {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      join(folder, 'child.mjs'),
      home,
      typeof what === 'string' ? what : JSON.stringify(what),
      JSON.stringify({ PATH: machine.env.PATH }),
      JSON.stringify('after' in at ? { hangAfter: at.after } : {}),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env } },
  )
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const gone = once(child, 'exit')
  if (!child.stdout) throw new Error('No output')
  let id = ''
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as {
      workspaceId?: string
      running?: string[]
      state?: string
      hanging?: string
    }
    id = said.workspaceId ?? id
    created.add(id)
    if (said.state !== undefined && said.state !== 'running') throw new Error(`It ended: ${line}`)
    if ('after' in at ? said.hanging !== at.after : !said.running?.includes(at.step)) continue
    return {
      id,
      kill: async () => {
        child.kill('SIGKILL')
        await gone
      },
    }
  }
  throw new Error(`The child never came to ${JSON.stringify(at)}: ${errors}`)
}

async function again(): Promise<Rig> {
  rig = new Rig(machine)
  await rig.service.settled
  return rig
}

const noLeftovers = () => expect.poll(() => readdirSync(machine.temporary)).toEqual([])

it('sweeps a killed Berth’s folder to the end, however soon the next one ends', async () => {
  const left = join(machine.temporary, 'berth-4194304-1-abcdef')
  writeFiles(
    left,
    Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`${index % 50}/${index}`, ''])),
  )
  await new Rig(machine).dispose()
  expect(machine.leftovers()).toEqual([])
})

it('takes away what a Berth left behind that was killed in a prebuild', async () => {
  const bare = repository(machine.home, 'killed', {
    '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'sleep 1000' }),
  })
  const id = await killedIn({ step: 'onCreateCommand' }, JSON.stringify({ prebuild: gitSource(bare) }))
  expect(await remainsOf(id)).not.toEqual([])
  await again()
  await expect.poll(() => remainsOf(id)).toEqual([])
  await noLeftovers()
  await expect.poll(() => machine.locks()).toEqual([])
})

describe('a Berth that is killed in a create', () => {
  it.each([
    ['definition', '*" fetch "*'],
    ['clone', '*" clone "*'],
  ])('leaves nothing in the step %s but what the next start sweeps', async (step, words) => {
    machine.hangGit(words)
    const bare = repository(machine.home, 'killed', {
      '.devcontainer.json': JSON.stringify({ image }),
    })
    const id = await killedIn({ step }, gitSource(bare), () => existsSync(join(machine.home, 'hanging')))
    expect(machine.leftovers()).not.toEqual([])
    const next = await again()
    await expect.poll(() => next.service.workspaces.get(id)).toBeUndefined()
    await noLeftovers()
    await expect.poll(() => machine.locks()).toEqual([])
    expect(await remainsOf(id)).toEqual([])
  })

  it('takes away an image that was built for nothing', async () => {
    const bare = repository(machine.home, 'killed', {
      '.devcontainer.json': '{"build": {"dockerfile": "Dockerfile"}}',
      Dockerfile: `FROM ${image}\nRUN echo built > /built\n`,
    })
    const id = await killedIn({ after: 'resolveImage' }, gitSource(bare))
    expect(await remainsOf(id)).not.toEqual([])
    const next = await again()
    await expect.poll(() => remainsOf(id)).toEqual([])
    expect(next.service.workspaces.get(id)).toBeUndefined()
    await noLeftovers()
    await expect.poll(() => machine.locks()).toEqual([])
  })

  it.each([
    ['create', 'making the container'],
    ['write', 'copying the source in'],
    ['start', 'starting'],
  ] as const)(
    'shows what was made as failed after %s, to be gone on with or deleted',
    async (after, words) => {
      const bare = repository(machine.home, 'killed', {
        '.devcontainer.json': JSON.stringify({ image }),
        a: '1',
      })
      const id = await killedIn({ after }, gitSource(bare))
      const next = await again()
      const { state, problem } = next.workspace(id)
      expect({ state, code: problem?.code }).toEqual({ state: 'failed', code: 'interrupted' })
      expect(problem?.cause).toBe(`Berth was ended while ${words}.`)
      expect(problem?.actions?.map((action) => action.kind === 'workspace' && action.verb)).toEqual([
        'rebuild',
        'delete',
      ])
      await noLeftovers()
      if (after !== 'create') {
        expect((await next.act('rebuild', id)).problem).toBeUndefined()
        expect(next.workspace(id).state).toBe('running')
        expect(await next.run(id, 'git', 'status', '--porcelain')).toBe('')
      }
      await next.act('delete', id)
      expect(await remainsOf(id)).toEqual([])
      expect(machine.locks()).toEqual([])
    },
  )

  it('leaves a workspace that can be used after it was committed', async () => {
    const bare = repository(machine.home, 'killed', {
      '.devcontainer.json': JSON.stringify({ image }),
      a: '1',
    })
    const id = await killedIn({ after: 'commit' }, gitSource(bare))
    const next = await again()
    expect(next.workspace(id)).toMatchObject({ state: 'running', name: 'killed' })
    expect(await next.run(id, 'cat', 'a')).toBe('1')
    await next.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })

  it('leaves a workspace that can be used when it was in a lifecycle command, and says so', async () => {
    const bare = repository(machine.home, 'killed', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'touch /begun; sleep 1000' }),
    })
    const id = await killedIn({ step: 'onCreateCommand' }, gitSource(bare), async (making) => {
      const filter = ['--filter', `label=berth.dev/workspace=${making}`]
      const container = (await command('docker', ['ps', '--quiet', ...filter])).trim()
      const { code } = await tryCommand('docker', ['exec', container, 'test', '-e', '/begun'])
      const lock = join(machine.home, '.local/state/berth/locks', `${making}.json`)
      return code === 0 && readFileSync(lock, 'utf8').includes('running onCreateCommand')
    })
    const next = await again()
    expect(next.workspace(id)).toMatchObject({ state: 'running' })
    expect(next.workspace(id).reason).toContain('Berth was ended while running onCreateCommand')
    expect(await next.run(id, 'ls', '/begun')).toBe('/begun\n')
    expect((await next.act('stop', id)).problem).toBeUndefined()
    expect(next.workspace(id)).toMatchObject({ state: 'stopped', reason: 'Stopped' })
    await next.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
    expect(machine.locks()).toEqual([])
  })
})

describe('a Berth that is killed in a rebuild', () => {
  it('keeps the workspace as it was, one start away', async () => {
    const bare = repository(machine.home, 'killed', { '.devcontainer.json': JSON.stringify({ image }) })
    const first = await again()
    const { id } = await first.up(gitSource(bare))
    const definition = JSON.stringify({ image, onCreateCommand: 'sleep 1000' })
    writeFiles(machine.home, { 'new.json': definition })
    await first.run(id, 'sh', '-c', `echo mark > /mark; printf %s '${definition}' > .devcontainer.json`)
    await first.dispose()

    await killedIn({ step: 'onCreateCommand' }, id)
    const next = await again()
    expect(next.workspace(id)).toMatchObject({ state: 'failed', problem: { code: 'interrupted' } })
    expect(next.workspace(id).reason).toBe('Its rebuild was interrupted')
    expect((await next.act('start', id)).problem).toBeUndefined()
    expect(next.workspace(id)).toMatchObject({ state: 'running', reason: 'Running' })
    expect(await next.run(id, 'cat', '/mark')).toBe('mark\n')
    await next.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })
})

describe('two homes on one engine, which see nothing of each other’s locks', () => {
  it('keep out of a rebuild that is under way, and take over when it was killed', async () => {
    const bare = repository(machine.home, 'shared', {
      '.devcontainer.json': JSON.stringify({
        image,
        onCreateCommand: 'test ! -e /workspaces/again || sleep 1000',
      }),
    })
    const first = await again()
    const { id } = await first.up(gitSource(bare))
    await first.run(id, 'touch', '/workspaces/again')
    const other = new Machine()
    const { kill } = await busyIn({ step: 'onCreateCommand' }, id, other.home)
    try {
      for (const verb of ['rebuild', 'start', 'stop', 'restart', 'delete'] as const)
        expect((await first.act(verb, id)).problem, verb).toMatchObject({ code: 'busy' })
      expect(await first.run(id, 'sh', '-c', 'ps -e | grep -c "sleep" || true')).not.toBe('0\n')
    } finally {
      await kill()
    }
    await first.run(id, 'rm', '/workspaces/again')
    expect((await first.act('rebuild', id)).problem).toBeUndefined()
    await first.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
    other.dispose()
  })
})
