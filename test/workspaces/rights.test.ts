import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { created, Machine, purge, Rig, writeFiles } from './rig'

const SYS_PTRACE = 19n
const SYS_ADMIN = 21n

let machine: Machine
let rig: Rig

beforeAll(() => {
  machine = new Machine()
  rig = new Rig(machine)
})

afterEach(async () => {
  for (const id of [...created]) await rig.act('delete', id).catch(() => undefined)
  purge()
})

afterAll(async () => {
  await rig.dispose()
  machine.dispose()
})

function folderOf(definition: object): string {
  const folder = mkdtempSync(join(machine.home, 'source-'))
  writeDefinition(folder, definition)
  return folder
}

function writeDefinition(folder: string, definition: object): void {
  rmSync(join(folder, '.devcontainer.json'), { force: true })
  writeFiles(folder, {
    '.devcontainer.json': JSON.stringify({ image: TEST_IMAGES.debian, ...definition }),
  })
}

/** Whether processes of the container may have a capability (capabilities(7), "CapBnd"). */
async function has(id: string, capability: bigint): Promise<boolean> {
  const [, mask = '0'] = /CapBnd:\s*([0-9a-f]+)/.exec(await rig.run(id, 'cat', '/proc/1/status')) ?? []
  return (BigInt(`0x${mask}`) & (1n << capability)) !== 0n
}

const seccomp = async (id: string) => /Seccomp:\s*(\d)/.exec(await rig.run(id, 'cat', '/proc/1/status'))?.[1]
const namesOf = (id: string) => rig.workspace(id).definition.notApplied.map(({ field }) => field)

describe('rights over the machine', () => {
  it('are given only once they are allowed, and exactly those', async () => {
    const folder = folderOf({
      capAdd: ['SYS_PTRACE'],
      runArgs: ['--security-opt', 'seccomp=unconfined'],
    })
    const { id } = await rig.up({ kind: 'folder', path: folder })
    expect(await has(id, SYS_PTRACE)).toBe(false)
    expect(await seccomp(id)).toBe('2')
    expect(namesOf(id)).toEqual(['capAdd SYS_PTRACE', 'securityOpt seccomp=unconfined'])

    const { operationId } = await rig.service.handlers['workspaces.rebuild'](
      { workspaceId: id, allowRights: true },
      new AbortController().signal,
    )
    await rig.succeeded(operationId)
    expect(await has(id, SYS_PTRACE)).toBe(true)
    expect(await seccomp(id)).toBe('0')
    expect(namesOf(id)).toEqual([])

    // What the definition asks for more by then nobody has allowed.
    writeDefinition(folder, { capAdd: ['SYS_PTRACE', 'SYS_ADMIN'], privileged: true })
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await has(id, SYS_PTRACE)).toBe(true)
    expect(await has(id, SYS_ADMIN)).toBe(false)
    expect(namesOf(id)).toEqual(['privileged', 'capAdd SYS_ADMIN'])

    // Another Berth, with nothing but access to the engine, knows what was allowed.
    const second = new Machine()
    const other = new Rig(second)
    try {
      await other.service.settled
      expect(other.workspace(id).definition.container?.allowed?.map(({ value }) => value)).toEqual([
        'SYS_PTRACE',
        'seccomp=unconfined',
      ])
    } finally {
      await other.dispose()
      second.dispose()
    }
  })

  it('come with the creation where that allows them, also those of an image', async () => {
    const image = `berth-test-rights-${process.pid}`
    const metadata = JSON.stringify([{ capAdd: ['SYS_PTRACE'] }]).replaceAll('"', '\\"')
    execFileSync('docker', ['build', '-q', '-t', image, '-'], {
      input: `FROM ${TEST_IMAGES.debian}\nLABEL devcontainer.metadata="${metadata}"\n`,
    })
    try {
      const folder = folderOf({ image, runArgs: ['--device=/dev/null:/dev/berth-null'] })
      const source = { kind: 'folder', path: folder } as const
      const { id } = await rig.up(source)
      expect(await has(id, SYS_PTRACE)).toBe(false)
      expect(namesOf(id)).toContain(`capAdd SYS_PTRACE (${image})`)
      const allowed = await rig.up(source, { allowRights: true })
      expect(await has(allowed.id, SYS_PTRACE)).toBe(true)
      expect(await rig.run(allowed.id, 'stat', '-c', '%F', '/dev/berth-null')).toBe(
        'character special file\n',
      )
      for (const one of [id, allowed.id]) await rig.act('delete', one)
    } finally {
      execFileSync('docker', ['rmi', '-f', image])
    }
  })
})

describe('what is harmless for the machine', () => {
  it('is there without being allowed', async () => {
    const folder = folderOf({
      runArgs: [
        ...[
          '--shm-size=100m',
          '-h',
          'own-name',
          '--add-host=far.test:10.1.2.3',
          '--add-host',
          'gate.test:host-gateway',
        ],
        ...[
          '--ulimit',
          'nofile=555:777',
          '--group-add',
          '4242',
          '--tmpfs',
          '/scratch:size=5m',
          '-e',
          'GIVEN=by run',
        ],
        ...['--memory', '300m', '--cap-drop=NET_RAW', '--security-opt=no-new-privileges'],
      ],
    })
    const { id, definition } = await rig.up({ kind: 'folder', path: folder })
    expect(definition.notApplied).toEqual([])
    const script =
      'df -k /dev/shm /scratch | awk \'NR>1{print $2}\'; hostname; getent hosts far.test | tr -s " "; getent hosts gate.test >/dev/null && echo gate; ulimit -Sn; ulimit -Hn; id -G; echo $GIVEN; grep NoNewPrivs /proc/1/status'
    const lines = (await rig.run(id, 'sh', '-c', script)).trim().split('\n')
    expect(lines.slice(0, 3)).toEqual(['102400', '5120', 'own-name'])
    expect(lines[3]).toBe('10.1.2.3 far.test')
    expect(lines.slice(4, 7)).toEqual(['gate', '555', '777'])
    expect(lines[7]?.split(' ')).toContain('4242')
    expect(lines[8]).toBe('by run')
    expect(lines[9]).toMatch(/1$/)
    expect(await has(id, 13n)).toBe(false)
  })
})
