import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundledTemplates, type Template, type TemplateValues } from '#contract'
import { readDefinition } from '../definitions/index'
import { testContext } from '../definitions/memory-reader.test-helper'
import { nodeProcesses } from '../platform/node-processes'
import type { Templates } from './index'
import { TemplateMachine } from './machine.test-helper'
import { entriesReader } from './tree'

const never = new AbortController().signal
let machine: TemplateMachine
let templates: Templates
let all: readonly Template[]

beforeAll(async () => {
  machine = new TemplateMachine(nodeProcesses)
  templates = machine.templates()
  const { sources } = await templates.handlers['templates.list']({}, never)
  all = sources[0]?.templates ?? []
})
afterAll(() => machine?.dispose())

/** Every combination of what an option can be; of free texts those that are proposed, and one that is not. */
function combinations({ options }: Template): TemplateValues[] {
  let found: TemplateValues[] = [{}]
  for (const [name, option] of Object.entries(options)) {
    const values =
      option.type === 'boolean'
        ? [true, false]
        : [...option.values, ...(option.free ? ['example.org/other'] : [])]
    found = found.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value })))
  }
  return found
}

const render = (id: string, options: TemplateValues, omit: readonly string[] = []) =>
  templates.handlers['templates.render'](
    { template: { repository: bundledTemplates, id }, options, omit: [...omit] },
    never,
  )

describe('the templates that Berth brings along', () => {
  it('are these, without a mistake', async () => {
    const { sources } = await templates.handlers['templates.list']({}, never)
    expect(sources).toMatchObject([{ key: bundledTemplates, name: 'Berth', faulty: [] }])
    expect(sources[0]?.problem).toBeUndefined()
    expect(all.map(({ id }) => id)).toEqual([
      'cpp',
      'docs',
      'go',
      'java',
      'node',
      'plain',
      'python-streamlit',
      'rust',
      'static-site',
      'vite',
      'web-postgres',
    ])
  })

  it('say what they are', () => {
    for (const { id, name, description, version, documentationUrl, keywords, options } of all) {
      expect({ id, name, description, version, documentationUrl }).toEqual({
        id,
        name: expect.stringMatching(/^[A-Z].{1,40}$/),
        description: expect.stringMatching(/^[A-Z].{20,120}\.$/),
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        documentationUrl: expect.stringMatching(/^https:/),
      })
      expect(keywords.length).toBeGreaterThan(2)
      for (const option of Object.values(options)) expect(option.description).not.toBe('')
    }
  })

  it('are definitions that Berth applies whole, whatever is chosen', async () => {
    let count = 0
    for (const template of all) {
      for (const options of combinations(template)) {
        for (const omit of [[], template.optionalPaths]) {
          const rendered = await render(template.id, options, omit)
          expect(rendered, `${template.id} ${JSON.stringify(options)}`).toMatchObject({
            definition: { path: '.devcontainer/devcontainer.json' },
            leftOut: [],
          })
          // Settings for VS Code are for those who open the repository there.
          expect(
            rendered.notApplied.filter(({ field }) => !/^customizations(?:\.vscode)?$/.test(field)),
          ).toEqual([])
          expect(rendered.needsFiles).toBeUndefined()
          expect(rendered.files.map(({ text }) => text ?? '').join('\n')).not.toContain('templateOption')
          expect(rendered.files.some(({ path }) => path.startsWith('.github/'))).toBe(
            template.optionalPaths.length > 0 && omit.length === 0,
          )
          count += 1
        }
      }
    }
    expect(count).toBeGreaterThan(60)
  })

  it('wait for what they start, and forward where it listens', async () => {
    for (const { id } of all) {
      const { files } = await render(id, {})
      const entries = files.map(({ path, text = '' }) => ({
        path,
        bytes: Buffer.from(text),
        executable: false,
      }))
      const { definition } = await readDefinition(entriesReader(entries), testContext)
      const starts = definition.lifecycle.postStartCommand !== undefined
      expect(definition.forwardPorts.length, id).toBe(starts ? 1 : 0)
      if (!starts) continue
      expect(definition.waitFor, id).toBe('postStartCommand')
      const [port] = definition.forwardPorts
      const texts = files.filter(({ path }) => !path.startsWith('.devcontainer/'))
      const started = JSON.stringify(definition.lifecycle.postStartCommand)
      // The port is no invention: what is started, or a file of the project, names it.
      expect(
        [started, ...texts.map(({ text }) => text)].some((text) => text?.includes(String(port))),
        id,
      ).toBe(true)
    }
  })

  it('bring the database of the web app along', async () => {
    const { files } = await render('web-postgres', { postgresVersion: '16' })
    const entries = files.map(({ path, text = '' }) => ({
      path,
      bytes: Buffer.from(text),
      executable: false,
    }))
    const { definition } = await readDefinition(entriesReader(entries), testContext)
    expect(definition.services).toMatchObject([{ name: 'db', image: 'postgres:16', ports: [5432] }])
    expect(definition.containerEnv.DATABASE_URL).toContain('localhost:5432')
  })
})
