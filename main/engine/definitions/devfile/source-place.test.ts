import { describe, expect, test } from 'vitest'
import { testContext } from '../memory-reader.test-helper'
import { container, read, reasonOf, refused } from './reading.test-helper'

const project = (text: string) => `${container}projects: [${text}]\n`
const inside = `/projects/${testContext.sourceName}`

describe('a project that is the source itself', () => {
  const text = project(
    '{name: shop, git: {remotes: {origin: "https://example.com/team/store.git"}}}, {name: docs, git: {remotes: {origin: "https://example.com/team/docs.git"}}}',
  )

  test.each([
    'https://example.com/team/store.git',
    'https://EXAMPLE.com/team/store/',
    'https://user@example.com/team/store',
    'git@example.com:team/store.git',
    'ssh://git@example.com:22/team/store.git',
  ])('gives its name to the folder of %s', async (sourceUrl) => {
    const definition = await read(text, { context: { sourceUrl } })
    expect(definition.workspaceFolder).toBe('/projects/shop')
    expect(definition.containerEnv).toMatchObject({ PROJECT_SOURCE: '/projects/shop' })
    expect(definition.repositories.map(({ folder }) => folder)).toEqual(['/projects/docs'])
    expect(reasonOf(definition, 'projects.shop')).toMatch(/folder already/)
  })

  test('may have another place, and another remote', async () => {
    const { workspaceFolder, repositories } = await read(
      project(
        '{name: shop, clonePath: src/shop, git: {remotes: {origin: "https://a.example/x", upstream: "https://b.example/x"}, checkoutFrom: {remote: origin}}}',
      ),
      { context: { sourceUrl: 'https://b.example/x.git' } },
    )
    expect(workspaceFolder).toBe('/projects/src/shop')
    expect(repositories).toEqual([])
  })

  test.each([undefined, 'https://example.com/other/store.git', 'https://other.example/team/store.git'])(
    'is none where the source is %s',
    async (sourceUrl) => {
      const definition = await read(text, { context: sourceUrl === undefined ? {} : { sourceUrl } })
      expect(definition.workspaceFolder).toBe(inside)
      expect(definition.repositories.map(({ folder }) => folder)).toEqual([
        '/projects/shop',
        '/projects/docs',
      ])
    },
  )
})

describe('a folder of the file’s own choice for the projects', () => {
  const text = (sourceMapping: string, workingDir: string, more = '') => `
components: [{name: dev, container: {image: x, sourceMapping: ${sourceMapping}}}]
commands: [{id: install, exec: {component: dev, commandLine: npm install, workingDir: '${workingDir}'}}]
${more}`

  test.each(['/project', '/project/', '$PROJECTS_ROOT', '${PROJECTS_ROOT}'])(
    'is the source where commands run in %s',
    async (workingDir) => {
      const { workspaceFolder, containerEnv, tasks } = await read(text('/project', workingDir))
      expect(workspaceFolder).toBe('/project')
      expect(containerEnv).toMatchObject({ PROJECTS_ROOT: '/project', PROJECT_SOURCE: '/project' })
      expect(tasks[0]?.workingFolder).toBeUndefined()
    },
  )

  test('holds it where they do not, or where it holds others', async () => {
    const folder = async (...of: Parameters<typeof text>) => (await read(text(...of))).workspaceFolder
    const beside = 'projects: [{name: docs, git: {remotes: {origin: "https://example.com/d.git"}}}]'
    expect(await folder('/project', '$PROJECT_SOURCE')).toBe(`/project/${testContext.sourceName}`)
    expect(await folder('/project', '/project', beside)).toBe(`/project/${testContext.sourceName}`)
    expect(await folder('/projects', '/projects')).toBe(inside)
  })
})

describe('a project as 2.0.0 has it', () => {
  test('may be of GitHub, and name folders', async () => {
    const definition = await read(
      `schemaVersion: 2.0.0\n${project('{name: docs, github: {remotes: {origin: "https://github.com/team/docs.git"}}, sparseCheckoutDirs: [guide]}')}`,
    )
    expect(definition.repositories).toEqual([
      { url: 'https://github.com/team/docs.git', folder: '/projects/docs' },
    ])
    expect(reasonOf(definition, 'projects.docs.sparseCheckoutDirs')).toMatch(/all of its folders/)
  })

  test('is of one kind only', async () => {
    const one = '{remotes: {origin: "https://github.com/team/docs.git"}}'
    expect((await refused(project(`{name: docs, github: ${one}, git: ${one}}`))).cause).toContain(
      'has both "git" and "github"',
    )
  })
})
