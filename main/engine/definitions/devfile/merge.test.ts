import { describe, expect, test } from 'vitest'
import { read, reasonOf, refused } from './reading.test-helper'

const manifest = (name: string) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

const above = `schemaVersion: 2.2.0
components:
  - {name: dev, container: {image: own}}
  - name: built
    image: {imageName: own, dockerfile: {uri: Dockerfile, buildContext: .}}
  - name: objects
    kubernetes: {inlined: '${manifest('above')}', endpoints: [{name: http, targetPort: 80}]}
commands:
  - {id: build, exec: {component: dev, commandLine: make}}
projects:
  - {name: docs, clonePath: guide, attributes: {uri: a}, git: {remotes: {origin: "https://example.com/docs.git"}}}
`

const changed = (sections: string) =>
  read(`schemaVersion: 2.2.0\nparent:\n  uri: above.yaml\n${sections}`, {
    files: { 'above.yaml': above, 'own.yaml': manifest('own'), Dockerfile: '' },
  })

/** Of what there is only one, the parent's gives way (devfile API, "union"). */
describe('another kind of the same thing takes the place of the parent’s', () => {
  test('how the objects of a component are given', async () => {
    const { clusterObjects } = await changed('  components: [{name: objects, kubernetes: {uri: own.yaml}}]')
    expect(clusterObjects?.map(({ manifest: text }) => JSON.stringify(text))).toEqual([
      expect.stringContaining('own'),
    ])
  })

  test('where a Dockerfile is', async () => {
    const git = 'git: {remotes: {origin: "https://example.com/image.git"}}'
    const definition = await changed(`  components: [{name: built, image: {dockerfile: {${git}}}}]`)
    expect(definition.image).toBe('own')
    expect(reasonOf(definition, 'components.built')).toMatch(/in another repository/)
  })

  test('what a command does', async () => {
    const definition = await changed('  commands: [{id: build, apply: {component: built}}]')
    expect(definition.tasks).toEqual([])
    expect(reasonOf(definition, 'commands.build')).toMatch(/builds the image/)
  })

  test('where a project is from; the rest of it stays', async () => {
    const zip = 'zip: {location: "https://example.com/docs.zip"}'
    const { repositories } = await changed(`  projects: [{name: docs, attributes: {inlined: b}, ${zip}}]`)
    expect(repositories).toEqual([
      { url: 'https://example.com/docs.zip', archive: true, folder: '/projects/guide' },
    ])
  })

  test('what needs the one that is gone is refused where it is', async () => {
    const volume = '  components: [{name: dev, volume: {}}]'
    const { cause, detail } = await refused(`schemaVersion: 2.2.0\nparent:\n  uri: above.yaml\n${volume}`, {
      files: { 'above.yaml': above },
    })
    expect(cause).toContain('"dev" is no container')
    expect(detail).toMatch(/^above\.yaml:9:/)
  })

  test('but two at once are refused as ever', async () => {
    const both = '  components: [{name: objects, kubernetes: {uri: own.yaml, inlined: x}}]'
    const { cause } = await refused(`schemaVersion: 2.2.0\nparent:\n  uri: above.yaml\n${both}`, {
      files: { 'above.yaml': above },
    })
    expect(cause).toContain('both "uri" and "inlined"')
  })
})
