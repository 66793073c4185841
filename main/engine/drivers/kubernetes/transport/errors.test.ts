import { describe, expect, test } from 'vitest'
import { ApiError, conflictsOf, forbiddenOf, rejectionIn, toApiError } from './errors'
import { toApiProblem } from './problems'

const context = { targetName: 'dev', endpoint: 'https://k8s:6443', namespace: 'team', title: 'Doing it' }
const status = (code: number, reason: string, message: string, details: object = {}) =>
  toApiError(code, Buffer.from(JSON.stringify({ kind: 'Status', code, reason, message, details })))
const problem = (error: unknown) => toApiProblem(error, context).problem

describe('a refusal', () => {
  test.each([
    [
      'pods is forbidden: User "dev" cannot list resource "pods" in API group "" in the namespace "team"',
      { user: 'dev', verb: 'list', resource: 'pods', group: '', namespace: 'team' },
    ],
    [
      'statefulsets.apps "ws-1" is forbidden: User "system:serviceaccount:a:b" cannot patch resource "statefulsets" in API group "apps" in the namespace "team": requires one of ["container.statefulSets.update"] permission(s).',
      {
        user: 'system:serviceaccount:a:b',
        verb: 'patch',
        resource: 'statefulsets',
        group: 'apps',
        namespace: 'team',
      },
    ],
    [
      'pods "ws-1-0" is forbidden: User "dev" cannot create resource "pods/exec" in API group "" in the namespace "team"',
      { user: 'dev', verb: 'create', resource: 'pods/exec', group: '', namespace: 'team' },
    ],
    [
      'nodes is forbidden: User "dev" cannot list resource "nodes" in API group "" at the cluster scope',
      { user: 'dev', verb: 'list', resource: 'nodes', group: '' },
    ],
    [
      'forbidden: User "dev" cannot get path "/metrics"',
      { user: 'dev', verb: 'get', resource: '/metrics', group: '' },
    ],
  ])('%s', (message, expected) => {
    const error = status(403, 'Forbidden', message)
    expect(forbiddenOf(error)).toEqual(expected)
    expect(problem(error)).toMatchObject({
      code: 'target-forbidden',
      cause: expect.stringContaining(`may not ${expected.verb} ${expected.resource}`),
      remedy: expect.stringContaining('resources/kubernetes/role.yaml'),
    })
  })
})

test('a websocket that may be got and not created is explained, though the server says nothing', () => {
  expect(problem(status(403, 'Forbidden', 'pods "ws-1-0" is forbidden: '))).toMatchObject({
    code: 'target-forbidden',
    cause: expect.stringMatching(/since Kubernetes 1\.35 .* needs "create"/),
    remedy: expect.stringContaining('resources/kubernetes/role.yaml'),
  })
})

describe('a rejection', () => {
  test.each([
    [
      'pods "ws-1-0" is forbidden: exceeded quota: compute, requested: limits.cpu=2, used: limits.cpu=3, limited: limits.cpu=4',
      { kind: 'quota', name: 'compute' },
      'quota-exceeded',
    ],
    [
      'pods "ws-1-0" is forbidden: failed quota: compute: must specify limits.cpu,limits.memory',
      { kind: 'quota', name: 'compute' },
      'quota-exceeded',
    ],
    [
      'pods "ws-1-0" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
      { kind: 'limit-range' },
      'limit-range',
    ],
    [
      'persistentvolumeclaims "ws-1" is forbidden: minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi',
      { kind: 'limit-range' },
      'limit-range',
    ],
    [
      'pods "ws-1-0" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)',
      { kind: 'pod-security' },
      'admission-denied',
    ],
    [
      'pods "ws-1-0" is forbidden: unable to validate against any pod security policy: []',
      { kind: 'pod-security' },
      'admission-denied',
    ],
    [
      'admission webhook "validate.kyverno.svc-fail" denied the request: \n\npolicy Pod/team/x for resource violation',
      { kind: 'webhook', name: 'validate.kyverno.svc-fail' },
      'admission-denied',
    ],
    [
      'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail": Post "https://kyverno-svc.kyverno.svc:443/validate?timeout=10s": dial tcp 10.0.0.9:443: connect: connection refused',
      { kind: 'webhook-away', name: 'validate.kyverno.svc-fail' },
      'admission-denied',
    ],
    [
      "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: images need a tag",
      { kind: 'policy', name: 'no-latest', reason: 'images need a tag' },
      'admission-denied',
    ],
    [
      'pods "x" is forbidden: unable to create new content in namespace team because it is being terminated',
      { kind: 'terminating' },
      'namespace-missing',
    ],
  ])('%s', (message, expected, code) => {
    expect(rejectionIn(message)).toMatchObject(expected)
    expect(problem(status(403, 'Forbidden', message)).code).toBe(code)
  })

  test('in the words of an Event is found as well', () => {
    const message =
      'create Pod ws-1-0 in StatefulSet ws-1 failed error: pods "ws-1-0" is forbidden: exceeded quota: compute, requested: pods=1'
    expect(rejectionIn(message)).toMatchObject({ kind: 'quota', name: 'compute' })
    expect(rejectionIn('Back-off pulling image "nginx"')).toBeUndefined()
  })
})

describe('a conflict', () => {
  const error = status(
    409,
    'Conflict',
    'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas',
    {
      causes: [
        {
          reason: 'FieldManagerConflict',
          message: 'conflict with "kubectl" using apps/v1',
          field: '.spec.replicas',
        },
      ],
    },
  )

  test('names who owns which field', () => {
    expect(conflictsOf(error)).toEqual([{ manager: 'kubectl', field: '.spec.replicas' }])
    expect(problem(error)).toMatchObject({
      code: 'field-conflict',
      cause: '"kubectl" set .spec.replicas to something else.',
    })
  })

  test('of another kind is not one of managers', () => {
    const stale = status(
      409,
      'Conflict',
      'Operation cannot be fulfilled on pods "x": the object has been modified',
    )
    expect(conflictsOf(stale)).toEqual([])
    expect(problem(stale).code).toBe('busy')
    expect(problem(status(409, 'AlreadyExists', 'pods "x" already exists')).code).toBe('name-taken')
  })
})

test('what is not there is told, and a namespace that is not there especially', () => {
  expect(problem(status(404, 'NotFound', 'pods "x" not found', { kind: 'pods', name: 'x' })).code).toBe(
    'not-found',
  )
  expect(
    problem(status(404, 'NotFound', 'namespaces "team" not found', { kind: 'namespaces', name: 'team' })),
  ).toMatchObject({ code: 'namespace-missing', cause: 'There is no namespace "team".' })
})

test('what proxies answer is read as far as it can be', () => {
  const page = toApiError(
    502,
    Buffer.from('<html><head><title>x</title></head><body><h1>502</h1> Bad\nGateway</body></html>'),
  )
  expect(page).toMatchObject({ status: 502, message: '502 Bad Gateway', reason: '' })
  expect(problem(page)).toMatchObject({
    code: 'target-unreachable',
    cause: expect.stringContaining('status 502'),
  })
  expect(toApiError(503, Buffer.alloc(0)).message).toBe('status 503')
  expect(toApiError(500, Buffer.from('{"kind":"Status","message":')).message).toContain('Status')
  expect(problem(new ApiError(404, 'page not found')).code).toBe('target-misconfigured')
})

test('an object that is not valid has all of its faults in the detail', () => {
  const invalid = status(422, 'Invalid', 'Pod "x" is invalid: spec.containers: Required value', {
    causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }],
  })
  expect(problem(invalid)).toMatchObject({
    code: 'create-failed',
    detail: expect.stringContaining('spec.containers: Required value'),
  })
})
