import { describe, expect, it } from 'vitest'
import { demandOf } from '../room/demand'
import { fitProblem } from '../room/fit'
import { specOf } from './fixtures'
import { withHostRequirements } from './host-requirements'
import { planWorkspace } from './manifests'

const GB = 1024 ** 3
const needs = { cpus: 2.5, memory: 4 * GB, storage: 32 * GB, gpu: 'required' } as const

describe('what a definition is sure to need', () => {
  it('fills in what nobody has chosen', () => {
    expect(withHostRequirements({}, needs)).toEqual({
      requests: { cpu: '2500m', memory: '4Gi' },
      storage: '32Gi',
      gpu: { resource: 'nvidia.com/gpu', count: 1 },
    })
    const gpuDevices = { resource: 'amd.com/gpu', count: 4 }
    expect(withHostRequirements({}, { gpu: 'required', gpuDevices })).toEqual({ gpu: gpuDevices })
    const chosen = {
      requests: { cpu: '1' },
      limits: { memory: '2Gi' },
      storage: '5Gi',
      gpu: { resource: 'amd.com/gpu', count: 2 },
    }
    expect(withHostRequirements(chosen, needs)).toEqual(chosen)
    expect(withHostRequirements(chosen, undefined)).toBe(chosen)
  })

  it('asks neither for a smaller volume than usual, nor for a graphics processor that is only welcome', () => {
    expect(withHostRequirements({}, { storage: GB, gpu: 'optional', cpus: 2 })).toEqual({
      requests: { cpu: '2' },
    })
  })

  it('is in the pod and the claim, and not in what is noted as chosen', () => {
    const spec = specOf()
    const { claim, statefulSet } = planWorkspace(
      { ...spec, definition: { ...spec.definition, hostRequirements: needs } },
      { namespace: 'n', making: 'm', options: { limits: { cpu: '4' } }, env: {}, secretName: 's' },
    )
    expect(claim.spec?.resources?.requests).toEqual({ storage: '32Gi' })
    const container = statefulSet.spec?.template.spec?.containers.at(-1)
    expect(container?.resources).toEqual({
      requests: { memory: '4Gi', 'nvidia.com/gpu': '1' },
      limits: { cpu: '4', 'nvidia.com/gpu': '1' },
    })
    expect(JSON.stringify(statefulSet.metadata?.annotations)).not.toContain('2500m')
  })

  it('does not fit where a quota has less, or where the namespace limits to less what says nothing', () => {
    const options = withHostRequirements({}, needs)
    const known = { namespace: 'n', quotas: [], ranges: [] }
    expect(fitProblem(options, demandOf(options, [], 'standard'), known)).toBeUndefined()
    const quota = { metadata: { name: 'small' }, status: { hard: { 'requests.memory': '2Gi' }, used: {} } }
    expect(fitProblem(options, demandOf(options, [], 'standard'), { ...known, quotas: [quota] })?.code).toBe(
      'quota-exceeded',
    )
    const range = { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } }
    expect(
      fitProblem(options, demandOf(options, [range], 'standard'), { ...known, ranges: [range] }),
    ).toMatchObject({
      code: 'limit-range',
      cause: expect.stringContaining('2500m'),
    })
  })
})
