import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe } from 'vitest'
import { dockerHarness } from '../conformance/docker-harness'
import { command } from '../harness/command'
import { ensureImages } from '../harness/images'
import { oddImages } from './odd-images.suite'

/** A request to the machine's engine, with a JSON body. */
function post(path: string, body: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        socketPath: '/var/run/docker.sock',
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
      },
      (response) => resolve(text(response)),
    )
    asked.on('error', reject)
    asked.end(JSON.stringify(body))
  })
}

describe('on Docker', () => {
  oddImages({
    harness: dockerHarness(),
    reachesBare: true,
    prepare: () => ensureImages(['alpine', 'scratch']),
    env: () => ({}),
    // Docker makes it so with a new container alone.
    async makeReadOnly({ instance = '' }) {
      const [found] = JSON.parse(await command('docker', ['inspect', instance]))
      await command('docker', ['rm', '--force', instance])
      await post(`/containers/create?name=${String(found.Name).slice(1)}`, {
        ...found.Config,
        HostConfig: { ...found.HostConfig, ReadonlyRootfs: true },
      })
      await command('docker', ['start', String(found.Name).slice(1)])
    },
  })
})
