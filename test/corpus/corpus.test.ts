import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { registriesBelow } from './elsewhere'
import { findDefinitions } from './find'
import { scoreOf } from './score'

let top: string
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'berth-corpus-'))
})
afterEach(() => rmSync(top, { recursive: true, force: true }))

const write = (path: string, text: string) => {
  mkdirSync(join(top, dirname(path)), { recursive: true })
  writeFileSync(join(top, path), text)
}

/** Of each file, in its order, whether each example was parsed and planned. */
const scores = async () => {
  const all = []
  for (const found of findDefinitions(top)) {
    const { parsed, planned, problem, definition } = await scoreOf(found, 'docker')
    all.push({ file: found.shown, bad: found.bad, parsed, planned, cause: problem?.cause, definition })
  }
  return all
}

describe('a corpus of definitions', () => {
  test('is found by the names of files, wherever they are', async () => {
    write('a/.devcontainer/devcontainer.json', '{"image": "x"}')
    write('a/.devcontainer/other/devcontainer.json', '{"image": "x"}')
    write('b/.devcontainer.json', '{"image": "x"}')
    write('c/.gitpod.yml', 'image: { file: .gitpod.Dockerfile }')
    write('d/e/devfile.yaml', 'schemaVersion: 2.2.0')
    write('d/node_modules/x/devfile.yaml', 'schemaVersion: 2.2.0')
    write('f/docker-compose.yml', 'services: {}')
    expect((await scores()).map(({ file, parsed, planned }) => [file, parsed, planned])).toEqual([
      ['a/.devcontainer/devcontainer.json', true, true],
      ['a/.devcontainer/other/devcontainer.json', true, true],
      ['b/.devcontainer.json', true, true],
      // Nothing else of the repository is there: its Dockerfile is taken for granted.
      ['c/.gitpod.yml', true, true],
      ['d/e/devfile.yaml', true, true],
    ])
  })

  test('counts what is refused as not parsed, and says where it is wrong', async () => {
    write('a/.devcontainer.json', '{\n  "image": 3\n}')
    expect(await scores()).toMatchObject([
      { parsed: false, planned: false, cause: expect.stringContaining('Line 2, column 12') },
    ])
  })

  test('reads a template with the defaults of its options', async () => {
    write(
      't/devcontainer-template.json',
      '{"id": "t", "name": "T", "options": {"variant": {"type": "string", "default": "12"}}}',
    )
    write('t/.devcontainer/devcontainer.json', '{"image": "debian:$' + '{templateOption:variant}"}')
    expect(await scores()).toMatchObject([{ parsed: true, definition: { image: 'debian:12' } }])
  })

  test('takes a conformance set at its word: good fragments are read, bad ones refused with a place', async () => {
    const set = 'devfile-conformance/commands'
    write(`${set}/commandStart.yaml`, 'commands:\n')
    write(
      `${set}/execAll.yaml`,
      '  - id: a\n    exec:\n      commandLine: b\n      component: c\n  - id: a\n    exec:\n      commandLine: b\n      component: d\n',
    )
    write(`${set}/execNoCommand.yaml`, '  - id: a\n    exec:\n      component: c\n')
    // Good in truth.
    write(`${set}/execBadNothing.yaml`, '  - id: a\n    exec:\n      commandLine: b\n      component: c\n')
    expect(
      (await scores()).map(({ file, bad, parsed }) => [file.slice(set.length + 1), bad, parsed]),
    ).toEqual([
      ['execAll.yaml', false, true],
      ['execAll.yaml', false, true],
      ['execBadNothing.yaml', true, false],
      ['execNoCommand.yaml', true, true],
    ])
  })

  test('takes for granted what a repository has beside its definitions, where the corpus has these alone', async () => {
    write('a/.devcontainer/devcontainer.json', '{"build": {"dockerfile": "Dockerfile"}}')
    write(
      'b/.devcontainer/x/devcontainer.json',
      '{"dockerComposeFile": ["../../compose.yml", "own.yml"], "service": "web", "runServices": ["web", "db"]}',
    )
    write('c/.devcontainer/devcontainer.json', '{"dockerComposeFile": "compose.yml", "service": "web"}')
    write('c/README.md', 'It is a repository, and lacks a file.')
    expect((await scores()).map(({ parsed, planned }) => [parsed, planned])).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ])
  })

  test('finds parents of devfiles in its own registries, and stands in for those of others', async () => {
    write(
      'r/stacks/go/1.0.0/devfile.yaml',
      'schemaVersion: 2.2.0\ncomponents: [{name: go, container: {image: go1}}]',
    )
    write(
      'r/stacks/go/2.0.0/devfile.yaml',
      'schemaVersion: 2.2.0\ncomponents: [{name: go, container: {image: go2}}]',
    )
    const child = (parent: string) =>
      `schemaVersion: 2.2.0\nparent:\n  ${parent}\n  components: [{name: go, container: {image: own, memoryLimit: 1Gi}}]\n`
    write('s/devfile.yaml', 'schemaVersion: 2.2.0\nparent: {id: go, version: 1.0.0}')
    write('t/devfile.yaml', 'schemaVersion: 2.2.0\nparent: {id: go}')
    write('u/devfile.yaml', child('uri: https://example.com/other.yaml'))
    write('v/devfile.yaml', child('uri: ./base/devfile-base.yaml # not there'))
    write('w/devfile.yaml', child('kubernetes: {name: base}'))
    const taken =
      'commands: [{id: go, exec: {component: base, commandLine: go}}, {id: all, composite: {commands: [go, Test]}}]\nevents: {postStart: [build], preStart: [prepare]}\ncomponents: [{name: more, container: {image: x, volumeMounts: [{name: cache}]}}]'
    write('x/devfile.yaml', `schemaVersion: 2.2.0\nparent: {id: elsewhere}\n${taken}`)
    write('y/devfile.yaml', `schemaVersion: 2.2.0\n${taken}`)
    const registries = registriesBelow(top)
    const images = []
    for (const found of findDefinitions(top).filter(({ shown }) => !shown.startsWith('r'))) {
      const { planned, definition, problem } = await scoreOf(found, 'docker', registries)
      images.push([planned, definition?.image ?? problem?.cause])
    }
    expect(images).toEqual([
      [true, 'go1'],
      [true, 'go2'],
      [true, 'own'],
      [true, 'own'],
      [true, 'own'],
      [true, 'stand-in'],
      // It has no parent that could have what it names.
      [false, expect.stringContaining('There is no volume "cache"')],
    ])
  })
})
