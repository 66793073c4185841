import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Definition, imageDefinition, type Mount, type Service } from '#contract'
import { settleRights } from './rights'

let folder: string
let outside: string
beforeEach(() => {
  const top = mkdtempSync(join(tmpdir(), 'berth-folders-'))
  folder = join(top, 'source')
  outside = join(top, 'outside')
  mkdirSync(join(folder, 'data'), { recursive: true })
  mkdirSync(outside)
  symlinkSync('../outside', join(folder, 'out'))
  symlinkSync('data', join(folder, 'in'))
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))

const bind = (source: string, more: Partial<Mount> = {}): Mount => ({
  type: 'bind',
  source,
  target: '/x',
  ...more,
})
const mounting = (...mounts: Mount[]): Definition => ({ ...imageDefinition('debian', 'app'), mounts })
const settle = (definition: Definition, answer: Parameters<typeof settleRights>[1] = {}) =>
  settleRights(definition, answer, {}, folder)

describe('folders of the machine', () => {
  it('are mounted where they lie in the source, also by a link within it', () => {
    const mounts = [
      bind(folder),
      bind(join(folder, 'data')),
      bind(join(folder, 'in')),
      bind(join(folder, 'new/x')),
    ]
    const settled = settle(mounting(...mounts))
    expect(settled.mounts).toEqual(mounts)
    expect(settled.notApplied).toEqual([])
  })

  it.each([
    ['elsewhere', () => outside],
    ["the engine's socket", () => '/var/run/docker.sock'],
    ['beside it with a name that begins like its own', () => `${folder}-more`],
    ['by a link out of the source', () => join(folder, 'out')],
    ['behind such a link', () => join(folder, 'out/deep')],
    ['upwards', () => join(folder, '../outside')],
  ])('are not mounted unasked: %s', (_, source) => {
    const volume: Mount = { type: 'volume', source: 'v', target: '/v' }
    const settled = settle(mounting(bind(source()), volume))
    expect(settled.mounts).toEqual([volume])
    expect(settled.notApplied).toEqual([
      { field: `mount ${source()}`, reason: expect.stringContaining('--allow-rights') },
    ])
    const allowed = settle(mounting(bind(source())), { allow: true })
    expect(allowed.mounts).toEqual([bind(source())])
    expect(allowed.container?.allowed).toEqual([{ kind: 'folder', value: source() }])
    expect(settle(mounting(bind(source())), { allowed: allowed.container?.allowed }).mounts).toHaveLength(1)
  })

  it('are the source’s own where its repository is', () => {
    const mount = bind(outside, { ofSource: true })
    expect(settle(mounting(mount, bind(outside, { target: '/y' }))).mounts).toEqual([mount])
  })

  it('are nobody’s own where the source is no folder that is mounted', () => {
    expect(settleRights(mounting(bind(folder)), {}, {}).mounts).toEqual([])
  })

  it('that may be read may not be written', () => {
    const { container } = settle(mounting(bind(outside, { readOnly: true })), { allow: true })
    expect(settle(mounting(bind(outside)), { allowed: container?.allowed }).mounts).toEqual([])
  })

  it('are told apart however long their paths are, and asked about however many there are', () => {
    const long = `/${'a'.repeat(600)}`
    const { container } = settle(mounting(bind(`${long}/one`)), { allow: true })
    expect(container?.allowed?.[0]?.value.length).toBeLessThanOrEqual(500)
    expect(settle(mounting(bind(`${long}/one`)), { allowed: container?.allowed }).mounts).toHaveLength(1)
    expect(settle(mounting(bind(`${long}/two`)), { allowed: container?.allowed }).mounts).toEqual([])
    const many = mounting(...Array.from({ length: 300 }, (_, index) => bind(`/srv/${index}`)))
    expect(settle(many).mounts).toEqual([])
    expect(settle(many).container?.rights).toHaveLength(200)
    expect(settle(many, { allow: true }).mounts).toHaveLength(200)
  })

  it('are not mounted into services either', () => {
    const definition = mounting()
    const service = {
      name: 'db',
      image: 'postgres',
      env: {},
      mounts: [bind(outside)],
      sourceMounts: [
        { path: 'data', target: '/d' },
        { path: 'out', target: '/o' },
      ],
    } as unknown as Definition['services'][number]
    const settled = settle({
      ...definition,
      services: [service],
      sourceMounts: [{ path: 'out/y', target: '/y' }],
    })
    expect(settled.services[0]).toMatchObject({ mounts: [], sourceMounts: [{ path: 'data', target: '/d' }] })
    expect(settled.sourceMounts).toEqual([])
    expect(settled.notApplied.map(({ field }) => field).sort()).toEqual(
      ['mount out', 'mount out/y', `services.db.mount ${outside}`].sort(),
    )
  })

  it('are asked for by each service, which sees what the workspace itself was allowed', () => {
    const service: Service = {
      name: 'db',
      image: 'x',
      env: {},
      mounts: [bind(outside)],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'never',
    }
    const definition = { ...mounting(), services: [service] }
    const quiet = settle(definition)
    expect(quiet.services[0]?.mounts).toEqual([])
    expect(quiet.notApplied.map(({ field }) => field)).toEqual([`services.db.mount ${outside}`])
    const { container, services } = settle(definition, { allow: true })
    expect(services[0]?.mounts).toHaveLength(1)
    expect(container?.allowed).toEqual([{ kind: 'folder', value: outside, service: 'db' }])
    const ofWorkspace = settle(definition, { allowed: [{ kind: 'folder', value: outside }] })
    expect(ofWorkspace.services[0]?.mounts).toHaveLength(1)
    expect(ofWorkspace.notApplied).toEqual([])
    const both = { ...definition, mounts: [bind(outside)] }
    const onlyService = settle(both, { allowed: container?.allowed })
    expect([onlyService.mounts.length, onlyService.services[0]?.mounts.length]).toEqual([0, 1])
  })
})
