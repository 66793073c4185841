import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Driver } from '../../../main/engine/drivers/driver'
import { type MakeOptions, makeWorkspace, never, Recorder, run, sh, specOf } from '../../conformance/harness'
import { type KubernetesHarness, kubernetesHarness } from '../../conformance/kubernetes-harness'
import { problemOf, whenRefused } from '../../harness/problems'

// One for each test: what a server has learned of a policy it forgets only some time after it is gone.
let harness: KubernetesHarness
let driver: Driver
const made: string[] = []

beforeEach(async () => {
  harness = kubernetesHarness()
  await harness.prepare()
  driver = harness.open()
})

afterEach(async () => {
  for (const id of made.splice(0)) await driver.remove(id, new Recorder(), never)
  await driver.dispose()
  await harness.dispose()
})

/** A workspace of which no more was asked than that it be made. */
async function make(image: string, options: MakeOptions = {}): Promise<string> {
  const spec = await specOf(driver, image, options)
  made.push(spec.id)
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(spec.id, never)
  return spec.id
}

describe('Pod Security admission', () => {
  const enforce = (level: 'restricted' | 'baseline') =>
    harness.kubectl(
      ...['label', '--overwrite', 'namespace', harness.namespace()],
      `pod-security.kubernetes.io/enforce=${level}`,
    )

  it.each([
    ['a definition’s user', () => harness.images.full, { remoteUser: 'dev' }],
    ['a user’s number', () => harness.images.full, { containerUser: '1000' }],
    ['an image of busybox', () => harness.images.small, { remoteUser: 'dev' }],
  ])('of the level restricted lets a workspace in that is not root’s: %s', async (_, image, definition) => {
    await enforce('restricted')
    const { id } = await makeWorkspace(driver, image(), { definition })
    made.push(id)
    const writes = sh('id -u; echo mine > "$HOME/file" && echo mine > file && cat file')
    expect(await run(driver, id, writes, { cwd: '/workspaces/app' })).toMatchObject({
      code: 0,
      stdout: '1000\nmine\n',
    })
  })

  it('of the level restricted refuses root’s, and the Problem says what would be let in', async () => {
    await enforce('restricted')
    const id = await make(harness.images.full)
    const refused = await problemOf(driver.start(id, new Recorder(), never))
    expect(refused).toMatchObject({
      code: 'admission-denied',
      remedy: expect.stringContaining('remoteUser'),
    })
    expect(refused?.cause).toMatch(/PodSecurity "restricted:latest".*runAsNonRoot/)
    expect(await driver.diagnose(id, never)).toMatchObject([{ code: 'admission-denied' }])
  })

  it('of the level baseline lets root’s in', async () => {
    await enforce('baseline')
    const { id } = await makeWorkspace(driver, harness.images.full)
    made.push(id)
    const { stdout } = await run(driver, id, sh('id -u; chown dev /tmp && stat -c %U /tmp'))
    expect(stdout).toBe('0\ndev\n')
  })
})

describe('a policy of the cluster, in CEL', () => {
  /** Applies while `use` runs, in the tests' own namespace. */
  async function withPolicy(
    resources: readonly string[],
    groups: readonly string[],
    validation: object,
    use: (policy: string) => Promise<void>,
  ): Promise<void> {
    const name = `${harness.namespace()}-policy`
    const policy = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            { apiGroups: groups, apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources },
          ],
        },
        validations: [validation],
      },
    }
    const binding = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: ['Deny'],
        matchResources: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': harness.namespace() } },
        },
      },
    }
    const folder = mkdtempSync(join(tmpdir(), 'berth-policy-'))
    const file = join(folder, 'policy.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy, binding] }))
    try {
      await harness.kubectl('create', '-f', file)
      await use(name)
    } finally {
      await harness.kubectl('delete', '-f', file, '--ignore-not-found')
      rmSync(folder, { recursive: true })
    }
  }

  it('that refuses the workspace’s object says its own words', async () => {
    const message = 'Workspaces here have to name a cost centre, see the wiki.'
    const expression = `has(object.metadata.labels) && 'cost-centre' in object.metadata.labels`
    await withPolicy(['statefulsets'], ['apps'], { expression, message }, async (name) => {
      const attempt = () => make(harness.images.small)
      expect(await whenRefused(attempt)).toEqual({
        code: 'admission-denied',
        title: expect.any(String),
        cause: `The cluster's policy "${name}" refused it: ${message}`,
        remedy: expect.stringContaining('whoever runs the cluster'),
        detail: expect.stringContaining(message),
      })
      const labels = { labels: { 'cost-centre': '4711' } }
      expect(await problemOf(make(harness.images.small, { spec: { kubernetes: labels } }))).toBeUndefined()
    })
  })

  it('that refuses its pod is told by the start', async () => {
    const id = await make(harness.images.small)
    const validation = {
      expression: 'object.spec.containers.all(one, has(one.resources.limits))',
      messageExpression: `"no limits: " + object.spec.containers.map(one, one.name).join(", ")`,
    }
    await withPolicy(['pods'], [''], validation, async (name) => {
      const attempt = async () => {
        await driver.start(id, new Recorder(), never)
        await driver.stop(id, { grace: 0 }, new Recorder(), never)
      }
      expect(await whenRefused(attempt)).toMatchObject({
        code: 'admission-denied',
        cause: expect.stringMatching(new RegExp(`"${name}" refused it: no limits: .*workspace`)),
      })
    })
  })
})
