import { describe, expect, it } from 'vitest'
import { Definition, emptyDefinition } from '#contract'
import { type MetadataEntry, metadataLabel, parseMetadataLabel } from '../image-metadata'
import { type MergeContext, mergeMetadata } from './index'

const context: MergeContext = {
  workspaceId: 'abcdefghij',
  sourceName: 'app',
  env: { TOKEN: 'hunter2' },
  bindMounts: true,
}
const base: Definition = Definition.parse({ ...emptyDefinition('app'), format: 'devcontainer', image: 'x' })
const entry = (fields: object, origin = 'r.test/n/a'): MetadataEntry => ({ origin, fields: { ...fields } })
const merge = (entries: readonly MetadataEntry[], fields: Partial<Definition> = {}) =>
  // What comes out has to be a definition.
  Definition.parse(mergeMetadata({ ...base, ...fields }, entries, context))

describe('mergeMetadata', () => {
  it('changes nothing where nothing is said', () => {
    expect(merge([])).toEqual(base)
    expect(merge([entry({ id: 'r.test/n/a' })])).toEqual(base)
  })

  it('takes the last value of what can be said once, the definition being last', () => {
    const entries = [
      entry({
        remoteUser: 'a',
        containerUser: 'a',
        userEnvProbe: 'none',
        waitFor: 'postCreateCommand',
        overrideCommand: false,
      }),
      entry({ remoteUser: 'b', otherPortsAttributes: { onAutoForward: 'ignore' } }),
    ]
    expect(merge(entries)).toMatchObject({
      remoteUser: 'b',
      containerUser: 'a',
      userEnvProbe: 'none',
      waitFor: 'postCreateCommand',
      overrideCommand: false,
      otherPortsAttributes: { onAutoForward: 'ignore' },
    })
    expect(
      merge(entries, {
        remoteUser: 'me',
        containerUser: 'me',
        userEnvProbe: 'loginShell',
        otherPortsAttributes: {},
        stated: ['overrideCommand', 'waitFor'],
      }),
    ).toMatchObject({
      remoteUser: 'me',
      containerUser: 'me',
      userEnvProbe: 'loginShell',
      waitFor: 'updateContentCommand',
      overrideCommand: true,
      otherPortsAttributes: {},
    })
  })

  it('merges environments and ports by their names', () => {
    const merged = merge(
      [
        entry({
          containerEnv: { A: '1', B: '1' },
          remoteEnv: { A: '1', B: null },
          portsAttributes: { '1': { label: 'one' } },
        }),
        entry({
          containerEnv: { B: '2', T: '${localEnv:TOKEN}' },
          portsAttributes: { '1': { protocol: 'http' }, '2': { label: 'two' } },
        }),
      ],
      { containerEnv: { C: '3' }, remoteEnv: { A: '3' }, portsAttributes: { '2': { label: 'mine' } } },
    )
    expect(merged.containerEnv).toEqual({ A: '1', B: '2', T: '${localEnv:TOKEN}', C: '3' })
    expect(merged.remoteEnv).toEqual({ A: '3', B: null })
    expect(merged.portsAttributes).toEqual({ '1': { protocol: 'http' }, '2': { label: 'mine' } })
  })

  it('joins ports, booleans and mounts, of which the last one of a target counts', () => {
    const merged = merge(
      [
        entry({
          init: true,
          forwardPorts: [1, 2],
          mounts: ['type=volume,source=v-${devcontainerId},target=/v', 'source=a,target=/a'],
        }),
        entry({ init: false, forwardPorts: [2, 3], mounts: [{ source: 'b', target: '/a', type: 'volume' }] }),
      ],
      { forwardPorts: [3, 4], mounts: [{ type: 'tmpfs', target: '/t' }] },
    )
    expect(merged.init).toBe(true)
    expect(merged.forwardPorts).toEqual([1, 2, 3, 4])
    expect(merged.mounts).toEqual([
      { type: 'volume', source: expect.stringMatching(/^v-[0-9a-v]{52}$/), target: '/v' },
      { type: 'volume', source: 'b', target: '/a' },
      { type: 'tmpfs', target: '/t' },
    ])
  })

  it('collects commands and entry points in their order, beside those of the definition', () => {
    const merged = merge(
      [
        entry({ postCreateCommand: 'echo a', entrypoint: '/a.sh' }),
        entry({}, 'silent'),
        entry({ postCreateCommand: ['echo', 'b'], postStartCommand: { x: 'y' }, entrypoint: '/b.sh' }, 'b'),
      ],
      { lifecycle: { postCreateCommand: 'echo mine' } },
    )
    expect(merged.contributedLifecycle).toEqual([
      { origin: 'r.test/n/a', lifecycle: { postCreateCommand: 'echo a' } },
      { origin: 'b', lifecycle: { postCreateCommand: ['echo', 'b'], postStartCommand: { x: 'y' } } },
    ])
    expect(merged.lifecycle).toEqual({ postCreateCommand: 'echo mine' })
    expect(merged.featureEntrypoints).toEqual(['/a.sh', '/b.sh'])
  })

  it('runs nothing on this machine, whatever an image says', () => {
    const merged = merge([entry({ initializeCommand: 'rm -rf /' })])
    expect(merged.contributedLifecycle).toBeUndefined()
    expect(merged.notApplied).toEqual([
      { field: 'initializeCommand (r.test/n/a)', reason: expect.stringMatching(/^unknown field/) },
    ])
  })

  it('takes the largest of what is required', () => {
    const merged = merge(
      [
        entry({ hostRequirements: { cpus: 4, memory: '8gb', gpu: 'optional' } }),
        entry({ hostRequirements: { cpus: 2, storage: '32tb', gpu: true } }),
      ],
      { hostRequirements: { memory: 1024, gpu: 'optional' } },
    )
    expect(merged.hostRequirements).toEqual({
      cpus: 4,
      memory: 8 * 1024 ** 3,
      storage: 32 * 1024 ** 4,
      gpu: 'required',
    })
  })

  it('joins what editors are told, and names the others', () => {
    const merged = merge(
      [
        entry({ customizations: { vscode: { extensions: ['a.a', 'a.b'], settings: { x: 1, y: 1 } } } }),
        entry({ customizations: { jetbrains: { plugins: ['p'] }, codespaces: { x: 1 } } }, 'b'),
      ],
      { customizations: { vscode: { extensions: ['a.b', '-a.c'], settings: { y: 2 } } } },
    )
    expect(merged.customizations).toEqual({
      vscode: { extensions: ['a.a', 'a.b', '-a.c'], settings: { x: 1, y: 2 } },
      jetbrains: { plugins: ['p'] },
    })
    expect(merged.notApplied.map(({ field }) => field)).toEqual(['customizations.codespaces (b)'])
  })

  it('joins rights with who asks for them; of one that the definition asks for too that is not said', () => {
    const merged = merge(
      [
        entry({
          privileged: true,
          capAdd: ['SYS_PTRACE', 'CAP_NET_ADMIN'],
          securityOpt: ['seccomp=unconfined'],
        }),
        entry(
          {
            privileged: false,
            capAdd: ['NET_ADMIN'],
            securityOpt: [],
            updateRemoteUserUID: true,
            forwardPort: [1],
          },
          'b',
        ),
      ],
      { container: { shmSize: 64, rights: [{ kind: 'capability', value: 'SYS_PTRACE' }] } },
    )
    expect(merged.container).toEqual({
      shmSize: 64,
      rights: [
        { kind: 'privileged', value: '', origin: 'r.test/n/a' },
        { kind: 'capability', value: 'SYS_PTRACE' },
        { kind: 'capability', value: 'NET_ADMIN', origin: 'b' },
        { kind: 'securityOption', value: 'seccomp=unconfined', origin: 'r.test/n/a' },
      ],
    })
    expect(merged.notApplied.map(({ field }) => field)).toEqual(['forwardPort (b)'])
    expect(merged.notApplied.at(-1)?.reason).toBe('unknown field; did you mean "forwardPorts"?')
    expect(merge([entry({ privileged: false, capAdd: [] })]).container).toBeUndefined()
  })

  it('names what it cannot read, and takes the rest', () => {
    const bad = {
      init: 'yes',
      privileged: 'yes',
      capAdd: 'SYS_PTRACE',
      securityOpt: [5],
      entrypoint: 1,
      mounts: [{ target: 'relative' }],
      postCreateCommand: 5,
      waitFor: 'never',
      customizations: 'x',
      containerUser: 'a b',
      remoteUser: '',
      userEnvProbe: 1,
      remoteEnv: [],
      containerEnv: { A: {} },
      overrideCommand: 'x',
      portsAttributes: { '(': {} },
      otherPortsAttributes: 1,
      forwardPorts: ['x'],
      hostRequirements: { cpus: 'many' },
    }
    const merged = merge([entry({ ...bad }), entry({ init: true })])
    expect(merged.notApplied.map(({ field }) => field).sort()).toEqual(
      Object.keys(bad)
        .map((name) => `${name} (r.test/n/a)`)
        .sort(),
    )
    expect(merged.notApplied.every(({ reason }) => !/^Line/.test(reason) && reason.length > 5)).toBe(true)
    expect({ ...merged, init: false, notApplied: [] }).toEqual(base)
    expect(merged.init).toBe(true)
  })
})

describe('parseMetadataLabel', () => {
  it('reads one object and a list, and says whose they are', () => {
    expect(parseMetadataLabel('{"remoteUser": "a"}', 'img')).toEqual({
      entries: [{ origin: 'img', fields: { remoteUser: 'a' } }],
      notApplied: [],
    })
    const { entries } = parseMetadataLabel('[{"id": "r.test/n/a", "init": true}, {"remoteUser": "a"}]', 'img')
    expect(entries.map(({ origin }) => origin)).toEqual(['r.test/n/a in img', 'img'])
    expect(parseMetadataLabel(undefined, 'img')).toEqual({ entries: [], notApplied: [] })
    expect(parseMetadataLabel(' ', 'img')).toEqual({ entries: [], notApplied: [] })
  })

  it.each([
    ['{', 'the label is not JSON'],
    ['{} {}', 'the label is not JSON'],
    ['{}, "x": {}', 'the label is not JSON'],
    ['// {}', 'the label is not JSON'],
    ['5', 'an entry of the label is not an object'],
    ['[null]', 'an entry of the label is not an object'],
    ['['.repeat(100_000), 'the label is not JSON'],
    [`[${'{},'.repeat(301)}{}]`, 'the label has more than 300 entries'],
    [`${' '.repeat(600_000)}{}`, 'the label is longer than 524288 characters'],
  ])('names what is wrong and never throws (%#)', (label, reason) => {
    expect(parseMetadataLabel(label, 'img')).toEqual({
      entries: [],
      notApplied: [{ field: `${metadataLabel} (img)`, reason }],
    })
  })

  it('is not led to other objects by a name', () => {
    const { entries } = parseMetadataLabel('{"__proto__": {"init": true}, "constructor": {}}', 'img')
    const merged = merge(entries)
    expect(merged.init).toBe(false)
    expect(({} as { init?: boolean }).init).toBeUndefined()
    expect(merged.notApplied.map(({ field }) => field)).toEqual(['__proto__ (img)', 'constructor (img)'])
  })
})
