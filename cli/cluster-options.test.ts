import { describe, expect, it } from 'vitest'
import { parseToleration } from '#contract'
import { clusterOptions } from './cluster-options'
import { UsageError } from './exit-codes'

describe('clusterOptions', () => {
  it('is nothing where nothing was given', () => {
    expect(clusterOptions({})).toBeUndefined()
  })

  it('takes all that a workspace on a cluster may ask for', () => {
    expect(
      clusterOptions({
        cpu: '500m',
        cpuLimit: '2',
        memory: '1Gi',
        memoryLimit: '4Gi',
        gpu: '1',
        storage: '20Gi',
        storageClass: 'fast',
        nodeSelector: ['disk=ssd', 'kubernetes.io/arch=amd64'],
        toleration: ['gpu=yes:NoSchedule'],
        pullSecret: ['team'],
        builder: 'docker:default',
        pushTo: 'registry.test:5000/team/app',
        dockerLogin: true,
        label: ['team=tides'],
        annotation: ['note=a=b c'],
      }),
    ).toEqual({
      requests: { cpu: '500m', memory: '1Gi' },
      limits: { cpu: '2', memory: '4Gi' },
      gpu: { resource: 'nvidia.com/gpu', count: 1 },
      storage: '20Gi',
      storageClass: 'fast',
      nodeSelector: { disk: 'ssd', 'kubernetes.io/arch': 'amd64' },
      tolerations: [{ key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }],
      pullSecrets: ['team'],
      build: { builder: 'docker:default', pushTo: 'registry.test:5000/team/app' },
      dockerLogin: true,
      labels: { team: 'tides' },
      annotations: { note: 'a=b c' },
    })
    expect(() => clusterOptions({ pushTo: 'registry.test/app:tag' })).toThrow(/^--push-to: .*without a tag/)
    expect(clusterOptions({ gpu: 'amd.com/gpu=2' })).toEqual({ gpu: { resource: 'amd.com/gpu', count: 2 } })
  })

  it.each([
    [{ cpu: 'two' }, '--cpu: Write an amount'],
    [{ memoryLimit: '4GB' }, '--memory-limit: Write an amount'],
    [{ gpu: 'many' }, '--gpu: Give a count'],
    [{ storage: '' }, '--storage: Write an amount'],
    [{ label: ['team'] }, '--label: Write key=value'],
    [{ label: ['team=a b'] }, '--label: A value'],
    [{ nodeSelector: ['a b=c'] }, '--node-selector: A key'],
    [{ toleration: ['gpu:Never'] }, '--toleration: The effect'],
  ])('names the option that is not right: %o', (given, message) => {
    expect(() => clusterOptions(given)).toThrow(UsageError)
    expect(() => clusterOptions(given)).toThrow(message)
  })
})

describe('parseToleration', () => {
  it('reads taints as kubectl writes them', () => {
    expect(parseToleration('gpu')).toEqual({ key: 'gpu', operator: 'Exists' })
    expect(parseToleration('gpu:NoExecute')).toEqual({ key: 'gpu', operator: 'Exists', effect: 'NoExecute' })
    expect(parseToleration('gpu=:NoSchedule')).toEqual({
      key: 'gpu',
      operator: 'Equal',
      value: '',
      effect: 'NoSchedule',
    })
  })
})
