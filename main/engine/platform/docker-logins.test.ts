import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DockerLogins } from './docker-logins'
import { createNodePlatform } from './node'

let home: string
let logged: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-logins-'))
  logged = ''
  mkdirSync(join(home, '.docker'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const write = (config: unknown) =>
  writeFileSync(
    join(home, '.docker/config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  )
const base64 = (text: string) => Buffer.from(text).toString('base64')

function logins(): DockerLogins {
  const note = (message: string, fields?: object) => {
    logged += `${message} ${JSON.stringify(fields)}\n`
  }
  const platform = createNodePlatform({
    version: '0.0.0',
    resources: home,
    env: { PATH: `${home}:${process.env.PATH}`, HOME: home },
  })
  return new DockerLogins({ ...platform, logger: { debug: note, info: note, warn: note, error: note } })
}

describe('DockerLogins', () => {
  it('finds the login of a registry, however its server is written', async () => {
    write({
      auths: {
        'https://index.docker.io/v1/': { auth: base64('ann:pass:word') },
        'registry.test:5000': { username: 'bob', password: 'secret' },
        'https://tokens.test': { identitytoken: 'abc' },
      },
    })
    expect(await logins().of('docker.io')).toMatchObject({ username: 'ann', password: 'pass:word' })
    expect(await logins().of('registry.test:5000')).toMatchObject({ username: 'bob', password: 'secret' })
    expect(await logins().of('tokens.test')).toMatchObject({ identitytoken: 'abc' })
    expect(await logins().of('other.test')).toBeUndefined()
  })

  it('asks the credential helper of the registry, by its stdin', async () => {
    const helper = join(home, 'docker-credential-test')
    writeFileSync(
      helper,
      `#!/bin/sh\nread server\necho "$@" > ${home}/arguments\nprintf '{"ServerURL":"%s","Username":"eve","Secret":"of-the-helper"}' "$server"\n`,
    )
    chmodSync(helper, 0o755)
    write({ credHelpers: { 'registry.test': 'test' } })
    expect(await logins().of('registry.test')).toEqual({
      username: 'eve',
      password: 'of-the-helper',
      serveraddress: 'registry.test',
    })
  })

  it('writes nothing of the file into the log, even where it is no JSON', async () => {
    write('{"auths": {"registry.test": {"auth": "c2VjcmV0"},,}}')
    expect(await logins().of('registry.test')).toBeUndefined()
    expect(logged).toContain('could not be read')
    expect(logged).not.toContain('c2VjcmV0')
  })
})
