import type { V1LimitRange, V1ResourceQuota } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { type KubernetesOptions, resourceLabel } from '#contract'
import { demandOf } from './demand'
import { fitProblem, leftOf } from './fit'

const quota = (
  hard: Record<string, string>,
  used: Record<string, string> = {},
  spec: V1ResourceQuota['spec'] = {},
): V1ResourceQuota => ({ metadata: { name: 'team' }, spec: { ...spec, hard }, status: { hard, used } })
/** As the API writes it: the library's own type calls `default` something else. */
const range = (...limits: readonly object[]) =>
  ({ metadata: { name: 'each' }, spec: { limits } }) as unknown as V1LimitRange

function judge(
  options: KubernetesOptions,
  quotas: readonly V1ResourceQuota[] = [],
  ranges: readonly V1LimitRange[] = [],
  names: readonly string[] | undefined = undefined,
) {
  const classes = names?.map((name, index) => ({ name, isDefault: index === 0, grows: false }))
  const demand = demandOf(options, ranges, names?.[0])
  return fitProblem(options, demand, { namespace: 'dev', quotas, ranges, classes })
}
const asking = (cpu?: string, memory?: string): KubernetesOptions => ({
  requests: { ...(cpu && { cpu }), ...(memory && { memory }) },
})

describe('a quota', () => {
  it('has room, to the last bit of it', () => {
    expect(
      judge(asking('700m'), [quota({ 'requests.cpu': '1' }, { 'requests.cpu': '300m' })]),
    ).toBeUndefined()
    expect(judge(asking('1'), [quota({ cpu: '1000m' })])).toBeUndefined()
  })

  it('names all that is short, with what is left', () => {
    const found = judge(asking('2', '4Gi'), [
      quota(
        { 'requests.cpu': '4', 'requests.memory': '8Gi', pods: '10', 'requests.storage': '15Gi' },
        { 'requests.cpu': '2500m', 'requests.memory': '6Gi', pods: '3', 'requests.storage': '10Gi' },
      ),
    ])
    expect(found?.code).toBe('quota-exceeded')
    expect(found?.cause).toBe(
      'CPU: 2 asked for, 1.5 of 4 left in the quota "team"; Memory: 4Gi asked for, 2Gi of 8Gi left in the quota "team"; Storage: 10Gi asked for, 5Gi of 15Gi left in the quota "team".',
    )
    expect(found?.remedy).toContain('another namespace')
  })

  it.each([
    ['pods', 'Pods'],
    ['count/pods', 'Pods'],
    ['persistentvolumeclaims', 'Volumes'],
    ['count/statefulsets.apps', 'StatefulSets'],
  ])('counts objects: %s', (resource, label) => {
    expect(judge({}, [quota({ [resource]: '3' }, { [resource]: '3' })])?.cause).toContain(
      `${label}: 1 asked for, 0 of 3 left`,
    )
  })

  it('counts devices, and storage by class', () => {
    const gpu = { gpu: { resource: 'nvidia.com/gpu', count: 2 } }
    expect(judge(gpu, [quota({ 'requests.nvidia.com/gpu': '1' })])?.cause).toContain(
      'nvidia.com/gpu: 2 asked for, 1 of 1 left',
    )
    const fast = quota({ 'fast.storageclass.storage.k8s.io/requests.storage': '5Gi' })
    expect(judge({ storageClass: 'fast' }, [fast])?.cause).toContain('Storage of class fast: 10Gi asked for')
    expect(judge({ storageClass: 'slow' }, [fast])).toBeUndefined()
    expect(judge({}, [fast], [], ['fast'])?.cause).toContain('Storage of class fast')
  })

  it('that wants amounts to be said is told before it refuses', () => {
    const strict = [quota({ 'limits.cpu': '4', 'requests.memory': '8Gi' })]
    expect(judge({}, strict)).toMatchObject({
      code: 'quota-exceeded',
      cause: 'Its quota "team" takes nothing that leaves open: CPU limit, Memory.',
    })
    expect(judge({ limits: { cpu: '1', memory: '1Gi' } }, strict)).toBeUndefined()
    const defaults = range({ type: 'Container', default: { cpu: '1' }, defaultRequest: { memory: '1Gi' } })
    expect(judge({}, strict, [defaults])).toBeUndefined()
  })

  it('of another scope does not count', () => {
    const full = { 'requests.cpu': '1' }
    const of = (spec: V1ResourceQuota['spec']) => [quota(full, full, spec)]
    expect(judge(asking('1'), of({ scopes: ['Terminating'] }))).toBeUndefined()
    expect(judge(asking('1'), of({ scopes: ['BestEffort'] }))).toBeUndefined()
    expect(judge(asking('1'), of({ scopes: ['NotTerminating', 'NotBestEffort'] }))).toBeDefined()
    const priority = { scopeName: 'PriorityClass', operator: 'In', values: ['high'] }
    expect(judge(asking('1'), of({ scopeSelector: { matchExpressions: [priority] } }))).toBeUndefined()
  })
})

describe('a LimitRange', () => {
  it('bounds what one container may ask for', () => {
    const bounds = [
      range({ type: 'Container', min: { cpu: '250m' }, max: { cpu: '2' }, default: { cpu: '2' } }),
    ]
    expect(judge(asking('1'), [], bounds)).toBeUndefined()
    expect(judge(asking('100m'), [], bounds)).toMatchObject({
      code: 'limit-range',
      cause: 'a container has 250m of CPU or more, and 100m is asked for.',
    })
    expect(judge({ limits: { cpu: '3' } }, [], bounds)?.cause).toBe(
      'a container has 2 of CPU at most, and 3 is asked for.',
    )
  })

  it('bounds pods, volumes and ratios', () => {
    expect(judge({}, [], [range({ type: 'Pod', max: { memory: '4Gi' } })])?.cause).toContain(
      'a pod has to have a limit of 4Gi of Memory or less',
    )
    const volume = range({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } })
    expect(judge({}, [], [volume])?.cause).toBe('a volume has 5Gi of Storage at most, and 10Gi is asked for.')
    expect(judge({ storage: '5Gi' }, [], [volume])).toBeUndefined()
    const ratio = range({ type: 'Container', maxLimitRequestRatio: { cpu: '2' } })
    expect(judge({ requests: { cpu: '500m' }, limits: { cpu: '2' } }, [], [ratio])?.cause).toContain(
      '2 times',
    )
    expect(judge({ requests: { cpu: '1' }, limits: { cpu: '2' } }, [], [ratio])).toBeUndefined()
  })
})

describe('options', () => {
  it('that contradict themselves, or name a class that is not there, are told', () => {
    expect(judge({ requests: { memory: '2Gi' }, limits: { memory: '1Gi' } })).toMatchObject({
      code: 'invalid-input',
      title: 'More Memory is asked for than its limit',
    })
    expect(judge({ storageClass: 'fats' }, [], [], ['fast', 'slow'])).toMatchObject({
      code: 'storage-class-missing',
      cause: 'The cluster has: fast, slow.',
    })
    expect(judge({ storageClass: 'anything' }), 'classes may not be listed').toBeUndefined()
  })
})

describe('words', () => {
  it('of amounts that are left', () => {
    expect(leftOf('requests.cpu', '4', '2500m')).toBe('1.5')
    expect(leftOf('requests.cpu', '1', '3')).toBe('0')
    expect(leftOf('limits.memory', '8Gi', '6656Mi')).toBe('1.5Gi')
    expect(leftOf('requests.memory', '1Gi', '1Gi')).toBe('0')
    expect(leftOf('pods', '10', '3')).toBe('7')
  })

  it('of resources', () => {
    expect(resourceLabel('limits.memory')).toBe('Memory limit')
    expect(resourceLabel('requests.nvidia.com/gpu')).toBe('nvidia.com/gpu')
    expect(resourceLabel('count/configmaps')).toBe('configmaps')
  })
})
