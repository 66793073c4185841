import { describe, expect, it } from 'vitest'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'

const path = '.devcontainer/devcontainer.json'
const read = async (text: string) =>
  (await readDefinition(memoryReader({ [path]: text }), testContext)).definition
const failure = (text: string) =>
  read(text).then(
    () => expect.unreachable('it succeeded'),
    (error) => error.problem,
  )

describe('features in devcontainer.json', () => {
  it('reads all that a Feature may be given', async () => {
    const { features } = await read(`{ "image": "x", "features": {
      "ghcr.io/n/a:1": {}, "ghcr.io/n/b": "1.18", "ghcr.io/n/c": { "x": true, "y": "z", "n": 5, "none": null, "list": ["one", 2] },
      "./local": { "token": "\${localEnv:TOKEN}" }, "../other": true, "ghcr.io/n/off": false
    } }`)
    expect(features).toEqual([
      { reference: 'ghcr.io/n/a:1', options: {} },
      { reference: 'ghcr.io/n/b', options: { version: '1.18' } },
      { reference: 'ghcr.io/n/c', options: { x: true, y: 'z', n: '5', list: 'one,2' } },
      { reference: './.devcontainer/local', options: { token: '${localEnv:TOKEN}' } },
      { reference: './other', options: {} },
    ])
  })

  it('reads the wanted order without versions, also of what only Features may ask for', async () => {
    const { featureOrder, notApplied } = await read(`{ "image": "x",
      "features": { "ghcr.io/n/a:1": {}, "./local": {} },
      "overrideFeatureInstallOrder": ["./local", "ghcr.io/N/a:2", "ghcr.io/n/b"]
    }`)
    expect(featureOrder).toEqual(['./.devcontainer/local', 'ghcr.io/n/a', 'ghcr.io/n/b'])
    expect(notApplied).toEqual([])
  })

  it('says that without Features there is nothing to order', async () => {
    const { featureOrder, notApplied } = await read(
      '{ "image": "x", "overrideFeatureInstallOrder": ["ghcr.io/n/b"] }',
    )
    expect(featureOrder).toBeUndefined()
    expect(notApplied).toEqual([
      {
        field: 'overrideFeatureInstallOrder[0]',
        reason: '"features" has none, so there is nothing to order',
      },
    ])
  })

  it('takes the names of old, and what became an option of another Feature', async () => {
    const { features, featureOrder } = await read(`{ "image": "x", "features": {
      "docker-in-docker": "latest", "maven": "3", "ghcr.io/devcontainers/features/java:1": { "version": "17" },
      "gradle": true, "jupyterlab": {}
    }, "overrideFeatureInstallOrder": ["java"] }`)
    const at = (id: string) => `ghcr.io/devcontainers/features/${id}:1`
    expect(features).toEqual([
      { reference: at('docker-in-docker'), options: { version: 'latest' } },
      { reference: at('java'), options: { version: '17', installMaven: true, installGradle: true } },
      { reference: at('python'), options: { installJupyterlab: true } },
    ])
    expect(featureOrder).toEqual(['ghcr.io/devcontainers/features/java'])
  })

  it.each([
    ['"fish": {}', /Line 2, column \d+: "fish" must be a Feature with the registry/],
    ['"ghcr.io/n/a": 5', /"features\.ghcr\.io\/n\/a" must be an object, not the number 5/],
    [
      '"ghcr.io/n/a": { "x": {} }',
      /"features\.ghcr\.io\/n\/a\.x" must be a string, true or false, not an object/,
    ],
    ['"ghcr.io/n/a": { "x": [{}] }', /"features\.ghcr\.io\/n\/a\.x\[0\]" must be a string, not an object/],
    ['"../../out": {}', /must be a folder inside the repository/],
    ['"../": {}', /must be a folder inside the repository/],
  ])('shows the place of the mistake in %s', async (field, cause) => {
    expect(await failure(`{ "image": "x", "features": {\n${field}\n} }`)).toMatchObject({
      code: 'definition-invalid',
      title: `${path} has a mistake in line 2`,
      cause: expect.stringMatching(cause),
    })
  })

  it('refuses more Features than anybody needs', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `"ghcr.io/n/f${index}": {}`).join()
    expect(await failure(`{ "features": {${many}} }`)).toMatchObject({
      cause: expect.stringMatching(/at most 100/),
    })
  })

  it('knows which fields with a default the file gives itself', async () => {
    expect((await read('{ "image": "x" }')).stated).toBeUndefined()
    expect((await read('{ "overrideCommand": true, "waitFor": null }')).stated).toEqual(['overrideCommand'])
  })
})
