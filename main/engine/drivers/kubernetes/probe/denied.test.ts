import { describe, expect, it } from 'vitest'
import { deniedProblem } from '#contract'
import { deniedActions } from './denied'
import { rights } from './rights'

const without = (resource: string, ...verbs: string[]) =>
  rights.filter((right) => right.resource === resource).map((right) => ({ ...right, verbs }))

describe('deniedActions', () => {
  it('are none where nothing is missing that they need', () => {
    expect(deniedActions([], 20)).toEqual([])
    expect(deniedActions(without('events', 'list', 'watch'), 20)).toEqual([])
  })

  it('names the rights that an action lacks, and leaves the others', () => {
    expect(deniedActions(without('statefulsets', 'create'), 20)).toEqual([
      { action: 'create', rights: ['create statefulsets.apps'] },
      { action: 'rebuild', rights: ['create statefulsets.apps'] },
    ])
    expect(deniedActions(without('pods/log', 'get'), 20)).toEqual([
      { action: 'logs', rights: ['get pods/log'] },
    ])
    expect(deniedActions(without('secrets', 'delete'), 20)).toEqual([
      { action: 'delete', rights: ['delete secrets'] },
    ])
  })

  it('takes either verb for a stream, until servers want create', () => {
    expect(deniedActions(without('pods/exec', 'create'), 34)).toEqual([])
    expect(deniedActions(without('pods/exec', 'get'), 34)).toEqual([])
    expect(deniedActions(without('pods/exec', 'get', 'create'), 34)).toEqual([
      { action: 'terminals', rights: ['get pods/exec', 'create pods/exec'] },
    ])
    expect(deniedActions(without('pods/portforward', 'create'), 35)).toEqual([
      { action: 'ports', rights: ['create pods/portforward'] },
    ])
  })
})

describe('deniedProblem', () => {
  it('names who may not do what', () => {
    const target = { name: 'prod', identity: 'ann', denied: deniedActions(without('pods/log', 'get'), 20) }
    expect(deniedProblem(target, 'logs')).toMatchObject({
      code: 'target-forbidden',
      title: 'Logs cannot be read on prod',
      cause: '"ann" may not get pods/log.',
    })
    expect(deniedProblem(target, 'ports')).toBeUndefined()
    expect(deniedProblem(undefined, 'ports')).toBeUndefined()
  })
})
