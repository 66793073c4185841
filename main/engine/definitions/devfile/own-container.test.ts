import { describe, expect, test } from 'vitest'
import { read } from './reading.test-helper'

const components = (first: string, second: string) => `
components:
  - {name: one, ${first} container: {image: first}}
  - {name: two, ${second} container: {image: second}}
commands:
  - {id: run, exec: {component: one, commandLine: ./run, group: {kind: run, isDefault: true}}}
`

describe('the container that people work in', () => {
  test.each([
    ['controller.devfile.io/merge-contribution: true'],
    ['controller.devfile.io/merge-contribution: "true"'],
    ['gl/inject-editor: true'],
  ])('is the one of which %s says so, whatever runs elsewhere', async (attribute) => {
    const { image, services } = await read(components('', `attributes: {${attribute}},`))
    expect(image).toBe('second')
    expect(services.map(({ name }) => name)).toEqual(['one'])
  })

  test('is not one that is said to have no editor, where another one can be it', async () => {
    const none = 'attributes: {controller.devfile.io/merge-contribution: false},'
    expect((await read(components(none, ''))).image).toBe('second')
    expect((await read(components(none, none))).image).toBe('first')
    expect((await read(components('attributes: {gl/inject-editor: {}},', ''))).image).toBe('first')
  })
})

describe('a name', () => {
  test('may be the beginning of one', async () => {
    const title = async (metadata: string) =>
      (await read(`metadata: {${metadata}}\n${components('', '')}`)).title
    expect(await title('generateName: shop-')).toBe('shop')
    expect(await title('generateName: shop-, name: store')).toBe('store')
    expect(await title('generateName: [shop]')).toBe('')
  })
})
