import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseMetadataLabel } from '../image-metadata'
import { readMetadata } from '../metadata'
import type { ResolvedFeature } from '../resolve'
import { writeFeatureContext } from './context'
import type { BaseImage } from './dockerfile'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-features-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function feature(
  metadata: object,
  options: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): ResolvedFeature {
  const text = JSON.stringify({ id: 'go', version: '1.0.0', name: 'Go', ...metadata })
  const read = readMetadata(Buffer.from(text), 'r.test/n/go')
  const all = { 'devcontainer-feature.json': text, 'install.sh': '#!/bin/sh\n', ...files }
  return {
    reference: `r.test/n/${read.id}`,
    name: `r.test/n/${read.id}:1`,
    parsed: {
      kind: 'registry',
      registry: 'r.test',
      namespace: 'n',
      id: read.id,
      resource: `r.test/n/${read.id}`,
    },
    metadata: read,
    options,
    files: new Map(Object.entries(all).map(([path, content]) => [path, Buffer.from(content)])),
  }
}

const write = (features: readonly ResolvedFeature[], base: BaseImage = { user: '' }) =>
  writeFeatureContext(features, folder, base)
const dockerfile = () => readFileSync(join(folder, 'Dockerfile'), 'utf8')

describe('writeFeatureContext', () => {
  it('writes a Dockerfile for the classic builder, a layer for each Feature', async () => {
    await write(
      [
        feature({ id: 'utils' }, { version: '2' }),
        feature({ containerEnv: { PATH: '/usr/local/go/bin:${PATH}', GOROOT: '/usr/local/go' } }),
      ],
      { user: 'dev' },
    )
    expect(dockerfile()).toBe(
      [
        'ARG base',
        'FROM ${base}',
        'USER root',
        '',
        '# r.test/n/utils:1',
        'COPY 01-utils/ /tmp/berth-features/01-utils/',
        'RUN chmod -R 0755 /tmp/berth-features/01-utils && /tmp/berth-features/01-utils/berth-install.sh && rm -rf /tmp/berth-features',
        '',
        '# r.test/n/go:1',
        'ENV PATH="/usr/local/go/bin:${PATH}"',
        'ENV GOROOT="/usr/local/go"',
        'COPY 02-go/ /tmp/berth-features/02-go/',
        'RUN chmod -R 0755 /tmp/berth-features/02-go && /tmp/berth-features/02-go/berth-install.sh && rm -rf /tmp/berth-features',
        '',
        'LABEL devcontainer.metadata="[ \\',
        '{\\"id\\":\\"r.test/n/utils\\"}, \\',
        '{\\"id\\":\\"r.test/n/go\\"} \\',
        ']"',
        'USER dev',
        '',
      ].join('\n'),
    )
  })

  it('is the same each time, byte for byte and in modes', async () => {
    const snapshot = () =>
      (readdirSync(folder, { recursive: true, withFileTypes: true }) ?? [])
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
        .sort()
        .map(
          (path) =>
            `${path.slice(folder.length)} ${statSync(path).mode & 0o777} ${readFileSync(path, 'utf8')}`,
        )
    const features = [feature({}, { b: '1', a: '2' }, { 'lib/x.sh': 'x' })]
    await write(features)
    const first = snapshot()
    rmSync(folder, { recursive: true })
    await write(features)
    expect(snapshot()).toEqual(first)
    expect(first.some((line) => line.startsWith('/01-go/lib/x.sh 493 x'))).toBe(true)
  })

  it('tells install.sh its options and the users, whatever is in them', async () => {
    const nasty = 'a "b" \'c\' $HOME `id` $(id) \\ é\nnext'
    await write(
      [
        feature(
          {},
          { version: '1.2', 'my-option': nasty, '2fast': 'true' },
          { 'install.sh': '#!/bin/sh\nenv -0 > seen\n' },
        ),
      ],
      { user: 'dev:dev', remoteUser: userInfo().username, containerHome: '/home/with space' },
    )
    const place = join(folder, '01-go')
    execFileSync(join(place, 'berth-install.sh'))
    const seen = new Map(
      readFileSync(join(place, 'seen'), 'utf8')
        .split('\0')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
    )
    expect(seen.get('VERSION')).toBe('1.2')
    expect(seen.get('MY_OPTION')).toBe(nasty)
    expect(seen.get('_FAST')).toBe('true')
    expect(seen.get('_CONTAINER_USER')).toBe('dev')
    expect(seen.get('_CONTAINER_USER_HOME')).toBe('/home/with space')
    expect(seen.get('_REMOTE_USER')).toBe(userInfo().username)
    expect(seen.get('_REMOTE_USER_HOME')).toBe(userInfo().homedir)
    expect(readFileSync(join(place, 'devcontainer-features.env'), 'utf8')).toContain('VERSION="1.2"\n')
  })

  it('fails as its script does, and says which Feature it was', async () => {
    await write([
      feature(
        { documentationURL: 'https://docs.test/go' },
        {},
        { 'install.sh': '#!/bin/sh\necho oh no\nexit 3\n' },
      ),
    ])
    const { status, stdout, stderr } = spawnSync(join(folder, '01-go/berth-install.sh'), { encoding: 'utf8' })
    expect({ status, stdout }).toEqual({ status: 1, stdout: 'oh no\n' })
    expect(stderr).toBe('The Feature r.test/n/go:1 could not be installed. See https://docs.test/go\n')
  })

  it("keeps values of this machine's environment out of every file", async () => {
    const { args } = await write([feature({}, { token: '${localEnv:TOKEN}', plain: '${containerEnv:HOME}' })])
    expect(args).toEqual({ BERTH_OPTION_1_TOKEN: '${localEnv:TOKEN}' })
    expect(dockerfile()).toContain('ARG BERTH_OPTION_1_TOKEN\nCOPY')
    const file = readFileSync(join(folder, '01-go/devcontainer-features.env'), 'utf8')
    expect(file).toBe('TOKEN="${BERTH_OPTION_1_TOKEN}"\nPLAIN="\\${containerEnv:HOME}"\n')
  })

  it('names variables that an image cannot have, and fills in none but plain names', async () => {
    const { notApplied } = await write([
      feature({
        containerEnv: {
          A: '$PATH:${HOME}:${containerEnv:GOPATH}:$1:${X:-y}:$$:"q":\\n',
          'B C': 'x',
          D: 'two\nlines',
          E: '${localEnv:TOKEN}',
        },
      }),
    ])
    expect(dockerfile()).toContain('ENV A="${PATH}:${HOME}:${GOPATH}:\\$1:\\${X:-y}:\\$\\$:\\"q\\":\\\\n"\n')
    expect(dockerfile().match(/^ENV /gm)).toHaveLength(1)
    expect(notApplied.map(({ field }) => field)).toEqual([
      'containerEnv.B C (r.test/n/go)',
      'containerEnv.D (r.test/n/go)',
      'containerEnv.E (r.test/n/go)',
    ])
  })

  it('goes back to the user of the image, with its group', async () => {
    await write([feature({})], { user: '1000:2000' })
    expect(dockerfile()).toMatch(/^USER 1000:2000$/m)
    expect(readFileSync(join(folder, '01-go/devcontainer-features.builtin.env'), 'utf8')).toContain(
      '_CONTAINER_USER="1000"',
    )
  })

  it('lets nothing break out of its line', async () => {
    const hostile = {
      ...feature({ id: 'go' }, { 'x\nRUN evil': '1' }),
      name: 'https://a.test/f.tgz?\nRUN evil',
    }
    await write([hostile], { user: 'x\nRUN evil', remoteUser: '"; evil; "' })
    expect(dockerfile()).not.toMatch(/^RUN evil/m)
    expect(dockerfile()).toMatch(/^USER root\n$/m)
    expect(readFileSync(join(folder, '01-go/devcontainer-features.builtin.env'), 'utf8')).toContain(
      '_REMOTE_USER="root"',
    )
  })

  it("says in the label what the base's label said, and what Features add, and can be read again", async () => {
    const base = parseMetadataLabel('[{"remoteUser": "vscode"}]', 'base:1').entries
    const { metadata } = await write(
      [
        feature({
          entrypoint: '/init.sh "$x" \\',
          postCreateCommand: 'echo "$HOME"',
          containerEnv: { A: 'b' },
          installsAfter: ['r.test/n/utils'],
        }),
      ],
      { user: '', metadata: base },
    )
    expect(metadata.map(({ fields }) => fields)).toEqual([
      { remoteUser: 'vscode' },
      { id: 'r.test/n/go', entrypoint: '/init.sh "$x" \\', postCreateCommand: 'echo "$HOME"' },
    ])
    // As the builder reads it: lines joined, then backslashes taken away within the quotes.
    const [, quoted = ''] = /^LABEL devcontainer\.metadata="(.*)"$/ms.exec(dockerfile()) ?? []
    const label = quoted.replaceAll('\\\n', '').replace(/\\(.)/gs, '$1')
    expect(parseMetadataLabel(label, 'built').entries.map(({ fields }) => fields)).toEqual(
      metadata.map(({ fields }) => fields),
    )
  })
})
