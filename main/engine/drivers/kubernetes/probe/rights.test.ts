import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { ApiClient, CallOptions } from '../api'
import { forbiddenProblem, isAllowed, missingRights, type Right, rights } from './rights'

interface Role {
  readonly rules: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}
const path = fileURLToPath(new URL('../../../../../resources/kubernetes/role.yaml', import.meta.url))
const role = parse(readFileSync(path, 'utf8')) as Role
const never = new AbortController().signal

/** A server with these rules, of which it may tell only some; `granted` is what it answers to single questions. */
function server(
  rules: readonly object[],
  granted: (attributes: Record<string, string>) => boolean,
  asked: string[] = [],
): ApiClient {
  return {
    identity: { targetName: 'test', endpoint: 'https://127.0.0.1', namespace: 'dev' },
    json: async (_method: string, where: string, { json }: CallOptions) => {
      asked.push(where.split('/').at(-1) ?? '')
      if (where.endsWith('rulesreviews')) return { status: { resourceRules: rules, incomplete: true } }
      const { spec } = json as { spec: { resourceAttributes: Record<string, string> } }
      return { status: { allowed: granted(spec.resourceAttributes) } }
    },
  } as unknown as ApiClient
}

describe('rights', () => {
  it('are those of the Role', () => {
    const told = rights.flatMap(({ group, resource, verbs }) =>
      verbs.map((verb) => `${verb} ${group}/${resource}`),
    )
    const given = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${apiGroups.join()}/${resource}`)),
    )
    expect(told.sort()).toEqual(given.sort())
  })

  it('reads wildcards as the authoriser does', () => {
    const allows = (rule: object) => isAllowed([rule], '', 'pods/exec', 'create')
    expect(allows({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] })).toBe(true)
    expect(allows({ verbs: ['create'], apiGroups: [''], resources: ['pods/exec'] })).toBe(true)
    expect(allows({ verbs: ['create'], apiGroups: [''], resources: ['*/exec'] })).toBe(true)
    expect(allows({ verbs: ['create'], apiGroups: [''], resources: ['pods'] })).toBe(false)
    expect(allows({ verbs: ['create'], apiGroups: ['apps'], resources: ['pods/exec'] })).toBe(false)
    expect(allows({ verbs: ['get'], apiGroups: [''], resources: ['pods/exec'] })).toBe(false)
    const one = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: ['mine'] }
    expect(allows(one)).toBe(false)
  })
})

describe('missingRights', () => {
  it('needs one question where the rules tell all', async () => {
    const asked: string[] = []
    expect(
      await missingRights(
        server(role.rules, () => false, asked),
        never,
      ),
    ).toEqual([])
    expect(asked).toEqual(['selfsubjectrulesreviews'])
  })

  it('asks for each verb that the rules do not tell', async () => {
    const rules = role.rules.filter(({ resources }) => !resources.includes('pods/exec'))
    const missing = await missingRights(
      server(rules, ({ subresource }) => subresource === 'portforward'),
      never,
    )
    expect(missing).toMatchObject([{ resource: 'pods/exec', verbs: ['get', 'create'] }])
  })
})

describe('forbiddenProblem', () => {
  const asked = { title: 'No', namespace: 'dev', user: 'ann', minor: 34 }
  const exec = (...verbs: string[]): Right[] =>
    rights.filter(({ resource }) => resource === 'pods/exec').map((right) => ({ ...right, verbs }))

  it('names verbs, user, namespace, what does not work, and the Role', () => {
    const { cause, remedy } = forbiddenProblem(exec('get', 'create'), asked)
    expect(cause).toBe(
      '"ann" may not get, create pods/exec in the namespace "dev", so there are no terminals, commands and files.',
    )
    expect(remedy).toContain('resources/kubernetes/role.yaml')
  })

  it('explains what 1.35 wants', () => {
    expect(forbiddenProblem(exec('create'), { ...asked, minor: 35 }).cause).toContain('1.35')
    expect(forbiddenProblem(exec('create'), asked).cause).not.toContain('1.35')
  })
})
