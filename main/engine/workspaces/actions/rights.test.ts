import { describe, expect, it } from 'vitest'
import {
  type Definition,
  grantedRights,
  imageDefinition,
  type Right,
  rightsOf,
  type Service,
} from '#contract'
import { settleRights } from './rights'

const privileged: Right = { kind: 'privileged', value: '', origin: 'r.test/feature' }
const trace: Right = { kind: 'capability', value: 'SYS_PTRACE' }
const device: Right = { kind: 'device', value: '/dev/fuse:/dev/fuse:rwm' }
const asking = (...rights: Right[]): Definition => ({
  ...imageDefinition('debian:bookworm', 'app'),
  container: { rights },
})
const anything = {}
const noDevices = {
  containerFit: {
    right: ({ kind }: Right) => (kind === 'device' ? 'devices are not passed on here' : undefined),
    options: () => [{ field: 'hostname', reason: 'not here' }],
    service: ({ container }: Service) => (container?.init ? [{ field: 'init', reason: 'not here' }] : []),
  },
}
const granted = ({ container }: Definition) =>
  grantedRights(container).map(({ kind, value }) => `${kind} ${value}`)

describe('settleRights', () => {
  it('gives nothing that was not allowed, and says how to allow it', () => {
    const settled = settleRights(asking(trace, privileged), {}, anything)
    expect(granted(settled)).toEqual([])
    expect(settled.container?.allowed).toBeUndefined()
    expect(settled.notApplied.map(({ field }) => field)).toEqual([
      'capAdd SYS_PTRACE',
      'privileged (r.test/feature)',
    ])
    for (const { reason } of settled.notApplied) expect(reason).toContain('--allow-rights')
  })

  it('gives what was allowed and keeps the exact list of it', () => {
    const settled = settleRights(asking(trace), { allow: true }, anything)
    expect(granted(settled)).toEqual(['capability SYS_PTRACE'])
    expect(settled.container?.allowed).toEqual([trace])
    expect(settled.notApplied).toEqual([])
  })

  it('does not give more to a definition that asks for more later', () => {
    const settled = settleRights(asking(trace, privileged), { allowed: [trace] }, anything)
    expect(granted(settled)).toEqual(['capability SYS_PTRACE'])
    expect(settled.container?.allowed).toEqual([trace])
    expect(settled.notApplied.map(({ field }) => field)).toEqual(['privileged (r.test/feature)'])
  })

  it('gives beside what was allowed exactly what is named', () => {
    const settled = settleRights(
      asking(trace, device, privileged),
      { allow: [device], allowed: [trace] },
      anything,
    )
    expect(granted(settled)).toEqual(['capability SYS_PTRACE', 'device /dev/fuse:/dev/fuse:rwm'])
  })

  it('keeps what was allowed while nobody asks for it, and takes it back when told to', () => {
    const quiet = settleRights(imageDefinition('x', 'app'), { allowed: [trace] }, anything)
    expect(granted(quiet)).toEqual([])
    expect(
      granted(settleRights(asking(trace), { allowed: quiet.container?.allowed }, anything)),
    ).toHaveLength(1)
    const revoked = settleRights(asking(trace), { allow: false, allowed: [trace] }, anything)
    expect(granted(revoked)).toEqual([])
    expect(revoked.container?.allowed).toBeUndefined()
  })

  it('believes no list that comes with the definition', () => {
    const forged = { ...asking(privileged), container: { rights: [privileged], allowed: [privileged] } }
    expect(granted(settleRights(forged, {}, anything))).toEqual([])
  })

  it('names what the target cannot do for that reason, allowed or not', () => {
    for (const allow of [true, false]) {
      const { notApplied } = settleRights(asking(device), { allow }, noDevices)
      expect(notApplied).toEqual([
        { field: 'device /dev/fuse:/dev/fuse:rwm', reason: 'devices are not passed on here' },
        { field: 'hostname', reason: 'not here' },
      ])
    }
  })

  it('tells who asks, and gives each service what was allowed for it alone', () => {
    const ofDb: Right = { ...trace, service: 'db' }
    const ofCache: Right = { ...trace, service: 'cache' }
    const db: Service = {
      name: 'db',
      image: 'x',
      env: {},
      mounts: [],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'never',
      container: { init: true },
    }
    const definition = { ...asking(trace, ofDb, ofCache), services: [db] }
    const settled = settleRights(definition, { allowed: [ofDb] }, noDevices)
    expect(grantedRights(settled.container)).toEqual([ofDb])
    expect(rightsOf(settled.container)).toEqual([])
    expect(rightsOf(settled.container, 'db')).toEqual([ofDb])
    expect(settled.notApplied.map(({ field }) => field)).toEqual([
      'capAdd SYS_PTRACE',
      'services.cache.capAdd SYS_PTRACE',
      'hostname',
      'services.db.init',
    ])
    expect(settled.notApplied[1]?.reason).toContain(
      'the kernel capability SYS_PTRACE, for the service cache, which was not allowed',
    )
    const all = settleRights(definition, { allow: true }, noDevices)
    expect(grantedRights(all.container)).toEqual([trace, ofDb, ofCache])
  })

  it('says everything once, however often it is asked, and leaves other definitions alone', () => {
    const once = settleRights(asking(trace), {}, noDevices)
    expect(settleRights(once, {}, noDevices).notApplied).toEqual(once.notApplied)
    const plain = imageDefinition('x', 'app')
    expect(settleRights(plain, { allow: true }, anything)).toBe(plain)
  })
})
