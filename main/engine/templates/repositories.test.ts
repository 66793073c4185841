import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProblemError, type TemplateRepository } from '#contract'
import { nodeProcesses } from '../platform/node-processes'
import { described, TemplateMachine } from './machine.test-helper'

const never = new AbortController().signal
const image = JSON.stringify({ image: 'debian:${templateOption:release}' })
const options = {
  release: { type: 'string', description: 'Release', enum: ['bookworm', 'trixie'], default: 'trixie' },
}

let machine: TemplateMachine
beforeEach(() => {
  machine = new TemplateMachine(nodeProcesses)
})
afterEach(() => machine.dispose())

async function refresh(repository: TemplateRepository) {
  const { handlers } = machine.templates({ repositories: [repository] })
  return handlers['templates.refresh']({ repository }, never)
}

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: unknown) => {
      if (error instanceof ProblemError) return error.problem
      throw error
    },
  )

describe('a repository of templates', () => {
  it('is told with its commit once it is fetched, and not before', async () => {
    const url = machine.repository('house', {
      'src/web/devcontainer-template.json': described('web', { options, keywords: ['http'] }),
      'src/web/.devcontainer/devcontainer.json': image,
      'other/devcontainer-template.json': described('other'),
      'other/.devcontainer.json': '{"image": "alpine"}',
    })
    const { handlers } = machine.templates({ repositories: [{ url }] })
    const before = await handlers['templates.list']({}, never)
    expect(before.sources[1]).toEqual({ key: url, name: 'served/house', templates: [], faulty: [] })
    const after = await handlers['templates.refresh']({ repository: { url } }, never)
    expect(after).toMatchObject({
      commit: machine.git(join(machine.home, 'served/house'), 'rev-parse', 'HEAD'),
      templates: [
        { id: 'other', version: '1.2.3' },
        {
          id: 'web',
          name: 'The web',
          keywords: ['http'],
          options: {
            release: { type: 'string', values: ['bookworm', 'trixie'], free: false, default: 'trixie' },
          },
        },
      ],
    })
    expect((await handlers['templates.list']({}, never)).sources[1]).toEqual(after)
  })

  it('may be one template, and have it on a branch', async () => {
    const url = machine.repository('single.git', { 'devcontainer-template.json': described('x') })
    machine.git(join(machine.home, 'served/single.git'), 'checkout', '--quiet', '-b', 'next')
    machine.repository('single.git', {
      'devcontainer-template.json': described('x', { name: 'Next' }),
      '.devcontainer/devcontainer.json': '{"image": "alpine"}',
    })
    machine.git(join(machine.home, 'served/single.git'), 'checkout', '--quiet', 'main')
    const source = await refresh({ url, branch: 'next' })
    expect(source).toMatchObject({ key: `${url}#next`, templates: [{ id: 'single', name: 'Next' }] })
    const { handlers } = machine.templates()
    const rendered = await handlers['templates.render'](
      { template: { repository: `${url}#next`, id: 'single' }, options: {}, omit: [] },
      never,
    )
    expect(rendered.files.map(({ path }) => path)).toEqual(['.devcontainer/devcontainer.json'])
  })

  it('shows what is new after the next refresh, and keeps one copy', async () => {
    const files = { 'src/a/devcontainer-template.json': described('a') }
    const url = machine.repository('house', files)
    await refresh({ url })
    machine.repository('house', { 'src/b/devcontainer-template.json': described('b') })
    const source = await refresh({ url })
    expect(source.templates.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(readdirSync(join(machine.home, 'cache/templates'))).toHaveLength(1)
  })

  it('keeps what was fetched when it cannot be reached, and says why', async () => {
    const url = machine.repository('house', { 'src/a/devcontainer-template.json': described('a') })
    await refresh({ url })
    const { handlers } = machine.templates({ repositories: [{ url }] })
    machine.git(machine.home, 'init', '--quiet', 'empty')
    const folder = join(machine.home, 'served/house')
    writeFileSync(join(folder, '.git/HEAD'), 'ref: refs/heads/nowhere\n')
    const source = await handlers['templates.refresh']({ repository: { url } }, never)
    expect(source.problem?.code).toMatch(/^git-/)
    expect(source.templates.map(({ id }) => id)).toEqual(['a'])
    expect(readdirSync(join(machine.home, 'cache/templates'))).toHaveLength(1)
  })

  it('is forgotten when the user takes it out', async () => {
    const url = machine.repository('house', { 'src/a/devcontainer-template.json': described('a') })
    const { handlers, platform } = machine.templates({ repositories: [{ url }] })
    await handlers['templates.refresh']({ repository: { url } }, never)
    await platform.settings.change({ templates: { repositories: [], favourites: [] } })
    await expect.poll(() => readdirSync(join(machine.home, 'cache/templates'))).toEqual([])
  })

  it('says that it has none', async () => {
    const url = machine.repository('code', { 'main.c': 'int main;' })
    expect((await refresh({ url })).problem).toMatchObject({
      code: 'not-found',
      title: 'There are no templates',
    })
  })
})

describe('a template that is wrong', () => {
  it.each([
    ['text that is no JSON', '{\n  "id": "bad",\n  "name" "x"\n}', 3],
    ['an option of no kind', described('bad', { options: { a: { type: 'number' } } }), 8],
    [
      'a default that cannot be chosen',
      described('bad', { options: { a: { ...options.release, default: 'sid' } } }),
      14,
    ],
    ['a list of keywords that is none', described('bad', { keywords: 'web' }), 6],
    ['nothing', '', 1],
    ['nesting without an end', '['.repeat(100_000), 1],
  ])('is told with its place and hides no other: %s', async (_what, text, line) => {
    const url = machine.repository('house', {
      'src/bad/devcontainer-template.json': text,
      'src/good/devcontainer-template.json': described('good'),
    })
    const source = await refresh({ url })
    expect(source.templates.map(({ id }) => id)).toEqual(['good'])
    expect(source.faulty).toMatchObject([{ id: 'bad', problem: { code: 'definition-invalid' } }])
    expect(source.faulty[0]?.problem.detail).toMatch(
      new RegExp(`^src/bad/devcontainer-template\\.json:${line}:\\d+\n`),
    )
  })

  it('is refused when it has no definition, or one that cannot be read', async () => {
    const url = machine.repository('house', {
      'src/none/devcontainer-template.json': described('none'),
      'src/bad/devcontainer-template.json': described('bad'),
      'src/bad/.devcontainer/devcontainer.json': '{\n  "image": 7\n}',
    })
    await refresh({ url })
    const { handlers } = machine.templates()
    const render = (id: string) =>
      thrown(
        handlers['templates.render']({ template: { repository: url, id }, options: {}, omit: [] }, never),
      )
    expect(await render('none')).toMatchObject({
      code: 'definition-invalid',
      title: 'The template none has no definition',
    })
    expect((await render('bad')).detail).toContain('.devcontainer/devcontainer.json:2:')
    expect(await render('gone')).toMatchObject({ code: 'not-found' })
  })

  it('takes no links, and nothing that leads out', async () => {
    const folder = join(machine.home, 'served/house')
    const url = machine.repository('house', {
      'src/a/devcontainer-template.json': described('a'),
      'src/a/.devcontainer/devcontainer.json': '{"image": "alpine"}',
    })
    symlinkSync('/etc/passwd', join(folder, 'src/a/passwd'))
    mkdirSync(join(folder, 'src/link'))
    symlinkSync('../a/devcontainer-template.json', join(folder, 'src/link/devcontainer-template.json'))
    machine.git(folder, 'add', '--all')
    machine.git(folder, 'commit', '--quiet', '--message', 'Links')
    const source = await refresh({ url })
    expect(source.templates.map(({ id }) => id)).toEqual(['a'])
    const { handlers } = machine.templates()
    const { files, leftOut } = await handlers['templates.render'](
      { template: { repository: url, id: 'a' }, options: {}, omit: [] },
      never,
    )
    expect(files.map(({ path }) => path)).toEqual(['.devcontainer/devcontainer.json'])
    expect(leftOut).toEqual([{ path: 'passwd', reason: 'It is a link' }])
  })
})

describe('options', () => {
  it('are filled into every text, as chosen or by default', async () => {
    const url = machine.repository('house', {
      'src/web/devcontainer-template.json': described('web', {
        options,
        optionalPaths: ['ci/*', 'extra.txt'],
      }),
      'src/web/.devcontainer/devcontainer.json': image,
      'src/web/README.md': 'Of the template',
      'src/web/docs/README.md': 'Release ${templateOption: release}, not ${templateOption:other}',
      'src/web/ci/test.yml': 'x',
      'src/web/extra.txt': 'x',
    })
    await refresh({ url })
    const { handlers } = machine.templates()
    const render = (chosen: Record<string, string | boolean>, omit: string[] = []) =>
      handlers['templates.render']({ template: { repository: url, id: 'web' }, options: chosen, omit }, never)
    const plain = await render({})
    expect(plain.definition.text).toBe('{"image":"debian:trixie"}')
    expect(plain.files.map(({ path }) => path)).toEqual([
      '.devcontainer/devcontainer.json',
      'ci/test.yml',
      'docs/README.md',
      'extra.txt',
    ])
    const chosen = await render({ release: 'bookworm' }, ['ci/*', 'extra.txt'])
    expect(chosen.files.find(({ path }) => path === 'docs/README.md')?.text).toBe(
      'Release bookworm, not ${templateOption:other}',
    )
    expect(chosen.files).toHaveLength(2)
    expect(await thrown(render({ release: 'sid' }))).toMatchObject({
      code: 'invalid-input',
      remedy: 'Choose one of: bookworm, trixie.',
    })
    expect(await thrown(render({ releas: 'trixie' }))).toMatchObject({ remedy: 'Did you mean “release”?' })
    expect(await thrown(render({ release: true }))).toMatchObject({ code: 'invalid-input' })
    expect(await thrown(render({}, ['docs/README.md']))).toMatchObject({ code: 'invalid-input' })
  })

  it('say why a definition is nothing without the other files', async () => {
    const url = machine.repository('house', {
      'src/built/devcontainer-template.json': described('built'),
      'src/built/.devcontainer/devcontainer.json': '{"build": {"dockerfile": "Dockerfile"}}',
      'src/built/.devcontainer/Dockerfile': 'FROM alpine',
      'src/composed/devcontainer-template.json': described('composed'),
      'src/composed/.devcontainer/devcontainer.json':
        '{"dockerComposeFile": "compose.yml", "service": "app", "workspaceFolder": "/workspaces/app"}',
      'src/composed/.devcontainer/compose.yml': 'services: {app: {image: alpine}}',
    })
    await refresh({ url })
    const { handlers } = machine.templates()
    const needs = async (id: string) =>
      (
        await handlers['templates.render'](
          { template: { repository: url, id }, options: {}, omit: [] },
          never,
        )
      ).needsFiles
    expect(await needs('built')).toBe('It names other files of the template.')
    expect(await needs('composed')).toBe('It names other files of the template.')
  })
})
