import { describe, expect, it } from 'vitest'
import { builderPod, isForgotten, MAKER, ownMaker } from './pod'

const pod = (maker: string, phase = 'Running') => ({
  metadata: { annotations: { [MAKER]: maker } },
  status: { phase },
})
const own = ownMaker().split(':')[0]
const runs = ({ pid }: { readonly pid: number }) => pid === 7

describe('a builder', () => {
  it('goes where the workspace goes, and ends by itself', () => {
    const { metadata, spec } = builderPod('berth-build-x', 'team', 'buildkit', {
      nodeSelector: { disk: 'fast' },
      limits: { memory: '4Gi' },
      labels: { team: 'blue' },
    })
    expect(metadata?.labels).toMatchObject({
      team: 'blue',
      'app.kubernetes.io/managed-by': 'berth',
      'berth.dev/role': 'build',
    })
    expect(spec).toMatchObject({
      nodeSelector: { disk: 'fast' },
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      activeDeadlineSeconds: expect.any(Number),
    })
    const [container] = spec?.containers ?? []
    expect(container?.resources).toEqual({ limits: { memory: '4Gi' } })
    expect(container?.securityContext).toMatchObject({ runAsUser: 1000 })
    expect(container?.securityContext?.privileged).toBeUndefined()
    expect(container?.ports).toBeUndefined()
  })

  it.each([
    ['one that has ended, whoever made it', pod('abcd:7:1', 'Failed'), true],
    ['one of a process that is no more', pod(`${own}:8:1`), true],
    ['one of a process that runs', pod(`${own}:7:1`), false],
    ['one of another machine', pod('abcd:8:1'), false],
    ['one that says nothing', pod(''), false],
    ['one that says anything', pod(`${own}:-1:`), false],
  ])('is swept up where nobody needs it: %s', (_, one, expected) => {
    expect(isForgotten(one, runs)).toBe(expected)
  })

  it('tells who made it', () => {
    expect(isForgotten(pod(ownMaker()))).toBe(false)
    expect(ownMaker()).toContain(`:${process.pid}:`)
  })
})
