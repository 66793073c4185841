import { describe, expect, it } from 'vitest'
import { readMetadata } from './metadata'
import { compareOptions, variableOf } from './options'

const read = (text: string) => readMetadata(Buffer.from(text), 'r.test/n/go')
const failure = (text: string) => {
  try {
    read(text)
  } catch (error) {
    return (error as { problem: { code: string; cause: string } }).problem
  }
  return expect.unreachable('it succeeded')
}

describe('readMetadata', () => {
  it('reads every field', () => {
    const metadata = read(`{
      // With comments.
      "id": "go", "version": "1.2.3", "name": "Go", "description": "x", "documentationURL": "https://d.test",
      "licenseURL": "x", "keywords": ["x"], "currentId": "golang", "legacyIds": ["old-go"],
      "options": {
        "version": { "type": "string", "proposals": ["latest"], "default": "latest", "description": "x" },
        "shell": { "type": "string", "enum": ["sh", "bash"], "default": "sh" },
        "lint": { "type": "boolean", "default": false }, "bare": { "type": "string" },
      },
      "containerEnv": { "GOROOT": "/usr/local/go", "N": 1 },
      "dependsOn": { "ghcr.io/n/a:1": {}, "ghcr.io/n/b": "2" }, "installsAfter": ["ghcr.io/n/c"],
      "init": true, "privileged": false, "capAdd": ["SYS_PTRACE"], "securityOpt": ["seccomp=unconfined"],
      "entrypoint": "/init.sh", "mounts": [{ "source": "v-\${devcontainerId}", "target": "/v", "type": "volume" }, "x"],
      "customizations": { "vscode": { "extensions": ["a.b"] } },
      "postCreateCommand": { "a": "echo a", "b": ["echo", "b"] },
    }`)
    expect(metadata).toMatchObject({
      id: 'go',
      version: '1.2.3',
      name: 'Go',
      documentationUrl: 'https://d.test',
      ids: ['golang', 'go', 'old-go'],
      containerEnv: { GOROOT: '/usr/local/go', N: '1' },
      dependsOn: [
        { reference: 'ghcr.io/n/a:1', options: {} },
        { reference: 'ghcr.io/n/b', options: { version: '2' } },
      ],
      installsAfter: ['ghcr.io/n/c'],
      notApplied: [],
    })
    expect([...metadata.options]).toEqual([
      ['version', { type: 'string', default: 'latest' }],
      ['shell', { type: 'string', choices: ['sh', 'bash'], default: 'sh' }],
      ['lint', { type: 'boolean', default: false }],
      ['bare', { type: 'string' }],
    ])
    expect(metadata.fields.mounts).toEqual([
      { source: 'v-${devcontainerId}', target: '/v', type: 'volume' },
      'x',
    ])
    expect(Object.keys(metadata.fields)).not.toContain('containerEnv')
  })

  it('names what it does not know, and what is not cared for any more', () => {
    const { notApplied } = read('{"id": "go", "instalsAfter": [], "deprecated": true, "nothing like it": 1}')
    expect(notApplied).toEqual([
      { field: 'deprecated', reason: 'whoever publishes it does not care for it any more' },
      { field: 'instalsAfter', reason: 'unknown field; did you mean "installsAfter"?' },
      { field: 'nothing like it', reason: 'unknown field' },
    ])
  })

  it.each([
    ['{}', /It has no "id"/],
    ['{"id": "../x"}', /"id" must be letters/],
    [
      '{"id": "a", "options": {"v": {"type": "number"}}}',
      /"options\.v\.type" must be one of string, boolean/,
    ],
    ['{"id": "a", "options": {"v": "latest"}}', /"options\.v" must be an object/],
    ['{"id": "a", "dependsOn": ["x"]}', /"dependsOn" must be an object/],
    ['{"id": "a", "installsAfter": "x"}', /"installsAfter" must be a list/],
    ['{"id": "a", "capAdd": [1]}', /"capAdd\[0\]" must be a string/],
    ['{"id": "a", "mounts": [1]}', /"mounts\[0\]" must be an object/],
    ['{"id": "a", "privileged": "yes"}', /"privileged" must be true or false/],
    ['{"id": "a", "postCreateCommand": 1}', /"postCreateCommand" must be a command/],
    ['{"id": "a",, }', /Line 1, column 12/],
    ['[]', /must hold one object/],
    [`{"id": "a", "customizations": ${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`, /nested more than/],
  ])('refuses %s with its place', (text, cause) => {
    expect(failure(text)).toMatchObject({ code: 'definition-invalid', cause: expect.stringMatching(cause) })
    expect(failure(text).cause).toMatch(/^Line \d+, column \d+: /)
  })
})

describe('options', () => {
  it.each([
    ['version', 'VERSION'],
    ['my-option.x', 'MY_OPTION_X'],
    ['1st', '_ST'],
    ['__a', '_A'],
    ['', ''],
  ])('%j is told as %j (containers.dev, "Option resolution")', (name, variable) => {
    expect(variableOf(name)).toBe(variable)
  })

  it('are compared by number, names and values', () => {
    expect(compareOptions({ a: '1', b: true }, { b: true, a: '1' })).toBe(0)
    expect(compareOptions({}, { a: '1' })).toBeLessThan(0)
    expect(compareOptions({ a: '2' }, { b: '1' })).toBeLessThan(0)
    expect(compareOptions({ a: '2' }, { a: '1' })).toBeGreaterThan(0)
    expect(compareOptions({ a: false }, { a: true })).toBeLessThan(0)
    expect(compareOptions({ a: true }, { a: 'true' })).not.toBe(0)
  })
})
