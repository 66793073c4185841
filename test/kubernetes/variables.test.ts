import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActionDocument } from '../../cli/documents'
import { type CommandLine, commandLine, uniqueName } from '../cli/berth'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'

const GIVEN = 'g1ven-on-the-cluster'
const name = uniqueName('env')
let namespace: TestNamespace
let berth: CommandLine
let other: CommandLine
let id: string

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  berth = await commandLine()
  other = await commandLine()
  // No keychain answers on either machine.
  for (const { env } of [berth, other])
    Object.assign(env, {
      KUBECONFIG: namespace.kubeconfig,
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere',
    })
})
afterAll(async () => {
  await berth?.dispose()
  await other?.dispose()
  await namespace?.dispose()
})

const print = async (from: CommandLine, line: string) => {
  const { stdout, stderr, code } = await from.run(['exec', name, '--', 'sh', '-c', line])
  expect(code, stderr).toBe(0)
  return stdout.toString()
}
describe('variables on a cluster', () => {
  it('are in a Secret of the workspace, and in nothing else of it', async () => {
    const context = (await namespace.kubectl('config', 'current-context')).trim()
    await berth.run(['env', 'set', 'PLAIN=seen'])
    Object.assign(berth.env, { GIVEN_TOKEN: GIVEN })
    const up = ['up', '--image', TEST_IMAGES.alpine, '--target', context, '--name', name]
    const { workspace } = await berth.json(ActionDocument, [...up, '--secret', 'GIVEN_TOKEN'])
    id = workspace?.id ?? ''
    expect(await print(berth, 'echo "$PLAIN $GIVEN_TOKEN"')).toBe(`seen ${GIVEN}\n`)
    const data = await namespace.kubectl(
      'get',
      'secret',
      `ws-${id}-variables`,
      '-o',
      'jsonpath={.data.GIVEN_TOKEN}',
    )
    expect(Buffer.from(data, 'base64').toString()).toBe(GIVEN)
    const rest = await namespace.kubectl('get', 'statefulsets,pods,pvc,events', '-o', 'yaml')
    expect(rest).toContain(id)
    expect(rest).not.toContain(GIVEN)
    expect(rest).not.toContain(data)
  })

  it('are there after a restart, also from another computer that knows none of them', async () => {
    expect((await other.run(['stop', name])).code).toBe(0)
    const start = await other.run(['start', name])
    expect(start.code, start.stderr).toBe(0)
    expect(await print(other, 'echo "$PLAIN $GIVEN_TOKEN"')).toBe(`seen ${GIVEN}\n`)
  })

  it('that are taken away are gone from it, and with the workspace goes its Secret', async () => {
    expect((await berth.run(['env', 'unset', 'PLAIN'])).code).toBe(0)
    expect(await print(berth, 'echo "<$PLAIN> $GIVEN_TOKEN"')).toBe(`<> ${GIVEN}\n`)
    const data = await namespace.kubectl('get', 'secret', `ws-${id}-variables`, '-o', 'jsonpath={.data}')
    expect(data).not.toContain('PLAIN')
    expect((await berth.run(['delete', name, '--yes'])).code).toBe(0)
    const left = ['get', 'secret', `ws-${id}-variables`, '--ignore-not-found', '-o', 'name']
    expect(await namespace.kubectl(...left)).toBe('')
  })
})
