import { describe, expect, it } from 'vitest'
import { type Definition, imageDefinition } from '#contract'
import { devcontainerId } from '../../definitions/variables'
import { changedFields, fieldsOf } from './fields'

const definition = imageDefinition('debian', 'project')
const changes = (more: Partial<Definition>) =>
  changedFields(fieldsOf(definition, 'aaaaaaaaaa'), fieldsOf({ ...definition, ...more }, 'bbbbbbbbbb'))

describe('what a prebuild is made by', () => {
  it.each<[string, Partial<Definition>]>([
    ['image', { image: 'alpine' }],
    ['features', { features: [{ reference: 'a/b:1', options: {} }] }],
    ['remoteUser', { remoteUser: 'dev' }],
    ['containerEnv', { containerEnv: { A: '1' } }],
    ['onCreateCommand', { lifecycle: { onCreateCommand: 'a' } }],
    ['updateContentCommand', { lifecycle: { updateContentCommand: 'a' } }],
    ['mounts', { mounts: [{ type: 'volume', source: 'a', target: '/a', readOnly: false }] }],
    ['tasks', { tasks: [{ name: 'a', automatic: true, init: 'make', env: {} }] }],
  ])('changes with %s', (name, more) => {
    expect(changes(more)).toEqual([name])
  })

  it.each<[string, Partial<Definition>]>([
    ['the id of the workspace', {}],
    ['ports', { forwardPorts: [80] }],
    ['what runs at every creation', { lifecycle: { postCreateCommand: 'a', postStartCommand: 'b' } }],
    ['what tasks do each time', { tasks: [{ name: 'a', automatic: true, command: 'run', env: {} }] }],
    ['what is not applied', { notApplied: [{ field: 'a', reason: 'b' }] }],
  ])('does not change with %s', (_, more) => {
    expect(changes(more)).toEqual([])
  })

  it('does not count where a mount comes from, and ids in values', () => {
    const of = (id: string) =>
      fieldsOf(
        {
          ...definition,
          containerEnv: { B: '2', ID: devcontainerId(id) },
          mounts: [{ type: 'volume', source: `cache-${id}`, target: '/a', readOnly: false }],
        },
        id,
      )
    expect(of('aaaaaaaaaa')).toEqual(of('bbbbbbbbbb'))
  })

  it('does not count in which order names stand', () => {
    const left = fieldsOf({ ...definition, containerEnv: { A: '1', B: '2' } }, 'aaaaaaaaaa')
    const right = fieldsOf({ ...definition, containerEnv: { B: '2', A: '1' } }, 'aaaaaaaaaa')
    expect(left).toEqual(right)
  })
})
