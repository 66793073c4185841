import { describe, expect, it } from 'vitest'
import { KubernetesOptions } from '#contract'
import { type ClusterDraft, draftOf, emptyDraft, readDraft } from './cluster-draft'

const read = (typed: Partial<ClusterDraft>) => readDraft({ ...emptyDraft, ...typed })

describe('readDraft', () => {
  it('asks for nothing where nothing was typed', () => {
    expect(read({})).toEqual({ options: undefined, faults: {} })
    expect(read({ cpu: ' ', gpuResource: 'amd.com/gpu' }).options).toBeUndefined()
  })

  it('takes all that the contract has', () => {
    const { options, faults } = read({
      cpu: '500m',
      cpuLimit: '2',
      memory: '1Gi ',
      gpu: '2',
      gpuResource: 'amd.com/gpu',
      storage: '20Gi',
      storageClass: 'fast',
      nodeSelector: 'disk=ssd\n\nkubernetes.io/arch=amd64\n',
      tolerations: 'gpu=yes:NoSchedule\nspot',
      pullSecrets: 'team, other',
      labels: 'team=tides',
      annotations: 'note=a b=c',
      dockerLogin: true,
    })
    expect(faults).toEqual({})
    expect(options).toEqual({
      requests: { cpu: '500m', memory: '1Gi' },
      limits: { cpu: '2' },
      gpu: { resource: 'amd.com/gpu', count: 2 },
      storage: '20Gi',
      storageClass: 'fast',
      nodeSelector: { disk: 'ssd', 'kubernetes.io/arch': 'amd64' },
      tolerations: [
        { key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' },
        { key: 'spot', operator: 'Exists' },
      ],
      pullSecrets: ['team', 'other'],
      labels: { team: 'tides' },
      annotations: { note: 'a b=c' },
      dockerLogin: true,
    })
    expect(KubernetesOptions.parse(options)).toEqual(options)
    expect(readDraft(draftOf(options)).options, 'typed again').toEqual(options)
    expect(draftOf(undefined)).toEqual(emptyDraft)
  })

  it('says of each field what is wrong with it, and keeps the others', () => {
    const { options, faults } = read({ cpu: 'two', memory: '4GB', gpu: 'x', labels: 'a b=c', storage: '5Gi' })
    expect(Object.keys(faults).sort()).toEqual(['cpu', 'gpu', 'labels', 'memory'])
    expect(faults.cpu).toContain('500m, 2 or 4Gi')
    expect(options).toEqual({ storage: '5Gi' })
  })
})
