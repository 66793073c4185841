import { describe, expect, it } from 'vitest'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'

const path = '.devcontainer/devcontainer.json'
const read = async (fields: object) =>
  (await readDefinition(memoryReader({ [path]: JSON.stringify({ image: 'x', ...fields }) }), testContext))
    .definition
const elsewhere =
  'nothing is published on a machine; the port is forwarded under the number that the workspace listens on'

describe('ports that are to be published', () => {
  it.each([
    [3000, [3000]],
    ['3000', [3000]],
    ['127.0.0.1:3000:3000', [3000]],
    ['3000-3002:3000-3002/tcp', [3000, 3001, 3002]],
    [
      [3000, '4000:4000'],
      [3000, 4000],
    ],
  ])('are forwarded: %j', async (appPort, ports) => {
    const definition = await read({ appPort })
    expect(definition.forwardPorts).toEqual(ports)
    expect(definition.notApplied).toEqual([])
  })

  it('are named where the other number is not to be had, or they are not TCP', async () => {
    const { forwardPorts, notApplied } = await read({
      appPort: [3000, '[::1]:8080:80', '53:53/udp'],
      forwardPorts: [3000],
      runArgs: ['-p', '9000:90', '--publish=7000'],
    })
    expect(forwardPorts).toEqual([3000, 80, 90, 7000])
    expect(notApplied).toEqual([
      { field: 'runArgs[1] --publish', reason: elsewhere },
      { field: 'appPort[1]', reason: elsewhere },
      { field: 'appPort[2]', reason: 'only TCP is forwarded, not udp' },
    ])
  })

  it.each([[0], ['web'], ['80:'], ['1-65535'], [['x:70000']], [{}]])('are refused: %j', async (appPort) => {
    await expect(read({ appPort })).rejects.toMatchObject({ problem: { code: 'definition-invalid' } })
  })
})
