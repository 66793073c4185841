import { describe, expect, it } from 'vitest'
import { Definition, ProblemError } from '#contract'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { appliedFields, refusedFields } from './fields'

async function read(fields: Record<string, unknown>): Promise<Definition> {
  const text = JSON.stringify({ image: 'x', ...fields })
  const { definition } = await readDefinition(
    memoryReader({ '.devcontainer/devcontainer.json': text }),
    testContext,
  )
  expect(Definition.parse(definition)).toEqual(definition)
  return definition
}

const cause = (fields: Record<string, unknown>) =>
  read(fields).then(
    () => undefined,
    (error: unknown) => (error instanceof ProblemError ? error.problem.cause : error),
  )

describe('what devcontainer.json says of the machine and of who works on it', () => {
  it('is read', async () => {
    const definition = await read({
      hostRequirements: { cpus: 2, memory: '4gb', storage: '512MB', gpu: { cores: 1000, memory: '8gb' } },
      userEnvProbe: 'interactiveShell',
      updateRemoteUserUID: false,
    })
    expect(definition).toMatchObject({
      hostRequirements: { cpus: 2, memory: 4 * 1024 ** 3, storage: 512 * 1024 ** 2, gpu: 'required' },
      userEnvProbe: 'interactiveShell',
      updateRemoteUserUID: false,
    })
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'hostRequirements.gpu.cores',
      'hostRequirements.gpu.memory',
    ])
  })

  it('knows a graphics processor that is only welcome from one that must be there', async () => {
    expect((await read({ hostRequirements: { gpu: 'optional' } })).hostRequirements).toEqual({
      gpu: 'optional',
    })
    expect((await read({ hostRequirements: { gpu: true } })).hostRequirements).toEqual({ gpu: 'required' })
    expect((await read({ hostRequirements: { gpu: false } })).hostRequirements).toBeUndefined()
  })

  it.each([
    [{ hostRequirements: 4 }, '"hostRequirements" must be an object'],
    [{ hostRequirements: { memory: 'much' } }, '"hostRequirements.memory" must be a size'],
    [{ hostRequirements: { cpus: 'four' } }, '"hostRequirements.cpus" must be a number of processors'],
    [{ hostRequirements: { gpu: 'yes' } }, '"hostRequirements.gpu" must be one of'],
    [{ userEnvProbe: 'shell' }, '"userEnvProbe" must be one of'],
    [{ updateRemoteUserUID: 'no' }, '"updateRemoteUserUID" must be true or false'],
    [{ customizations: { vscode: { extensions: 5 } } }, '"customizations.vscode.extensions" must be a list'],
    [{ customizations: { vscode: { settings: [] } } }, '"customizations.vscode.settings" must be an object'],
  ])('says where %j is wrong', async (fields, expected) => {
    expect(await cause(fields)).toContain(expected)
    expect(await cause(fields)).toMatch(/^Line 1, column \d+: /)
  })
})

describe('what it says to editors', () => {
  it('is kept, also as it was written before there were customizations', async () => {
    const { customizations, notApplied } = await read({
      extensions: ['old.one', 'same.one'],
      settings: { a: 'old', b: { c: [1, null] } },
      customizations: {
        vscode: {
          extensions: ['same.one', '-not.this', 'with.version@1.2.3', './local.vsix'],
          settings: { a: 'new' },
        },
        jetbrains: { plugins: ['org.rust.lang'], backend: 'IntelliJ' },
        codespaces: { openFiles: ['README.md'] },
        berth: {},
      },
    })
    expect(customizations).toEqual({
      vscode: {
        extensions: ['old.one', 'same.one', '-not.this', 'with.version'],
        settings: { a: 'new', b: { c: [1, null] } },
      },
      jetbrains: { plugins: ['org.rust.lang'] },
    })
    expect(notApplied.map(({ field }) => field).sort()).toEqual([
      'customizations.codespaces',
      'customizations.jetbrains.backend',
      'customizations.vscode.extensions[2]',
      'customizations.vscode.extensions[3]',
    ])
    expect((await read({ customizations: { vscode: {} } })).customizations).toBeUndefined()
  })
})

it('refuses no field that it applies', () => {
  expect(appliedFields.filter((name) => Object.hasOwn(refusedFields, name))).toEqual([])
})
