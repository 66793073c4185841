import { describe, expect, it } from 'vitest'
import { problemOf, readWritten, refusedOf } from './compose.test-helper'

const compose = (services: string) => `
services:
${services}
secrets:
  token: {environment: TOKEN}
  unset: {environment: UNSET}
  written: {environment: WRITTEN}
  outside: {external: true, name: of-a-swarm}
  nothing: {name: only}
configs:
  motd: {content: "Hello \${WHO:-you}, \${TOKEN} and $$5"}
  level: {environment: WRITTEN}
  old: {external: {name: older}}
`
const files = { '.env': 'WRITTEN=from-the-file\n' }

describe('secrets and configs that are no files of the source', () => {
  it('are written with their owners and rights, and no value of the environment is in the definition', async () => {
    const definition = await readWritten({
      compose: compose(`
  app:
    image: x
    configs: [motd, {source: level, target: etc/level}]
  db:
    image: x
    secrets:
      - token
      - {source: token, target: /etc/key, uid: "103", gid: '104', mode: 0440}
      - {source: token, target: text, mode: "0400"}
      - {source: token, target: number, mode: 292}
      - {source: token, target: text, mode: 0o640}
`),
      files,
    })
    expect(definition.container?.files).toEqual([
      { target: '/motd', text: 'Hello you, $' + '{localEnv:TOKEN} and $5' },
      { target: '/etc/level', text: 'from-the-file' },
    ])
    expect(definition.services[0]?.container?.files).toEqual([
      { target: '/run/secrets/token', variable: 'TOKEN' },
      { target: '/etc/key', variable: 'TOKEN', uid: 103, gid: 104, mode: 0o440 },
      { target: '/run/secrets/number', variable: 'TOKEN', mode: 0o444 },
      { target: '/run/secrets/text', variable: 'TOKEN', mode: 0o640 },
    ])
    expect(definition.notApplied).toEqual([])
    expect(JSON.stringify(definition)).not.toContain('hunter2')
  })

  it('are named where there is no value, or none that may be kept', async () => {
    const definition = await readWritten({
      compose: compose(`
  app:
    image: x
    secrets: [unset, written, outside, nothing, {source: token, what: 1}]
    configs: [old]
`),
      files,
    })
    const refused = refusedOf(definition)
    expect(refused).toEqual({
      'services.app.secrets[0]': expect.stringMatching(/UNSET is set neither in your environment nor/),
      'services.app.secrets[1]': expect.stringMatching(/WRITTEN stands in the .env file alone/),
      'services.app.secrets[2]': expect.stringMatching(/"outside" is external: only a swarm/),
      'services.app.secrets[3]': expect.stringMatching(/neither "file" nor "environment"/),
      'services.app.secrets[4].what': expect.stringMatching(/unknown field/),
      'services.app.configs[0]': expect.stringMatching(/is external/),
    })
    expect(definition.container?.files).toEqual([{ target: '/run/secrets/token', variable: 'TOKEN' }])
  })

  it('with mistakes are refused where they stand', async () => {
    const refusal = async (secret: string) => {
      const problem = await problemOf(
        readWritten({ compose: compose(`  app: {image: x, secrets: [{source: token, ${secret}}]}`) }),
      )
      expect(problem.cause).toMatch(/^Line 3, /)
      return problem.cause
    }
    expect(await refusal('mode: "9"')).toMatch(/rights of a file/)
    expect(await refusal('mode: 77777')).toMatch(/rights of a file/)
    expect(await refusal('uid: me')).toMatch(/number of a user/)
    expect(await refusal('target: /')).toMatch(/path of a file/)
    expect(await refusal('uid: 4294967295')).toMatch(/an owner and rights that there are/)
  })

  it('are bounded', async () => {
    const long = await readWritten({
      compose: `
services: {app: {image: x, configs: [long]}}
configs: {long: {content: "${'x'.repeat(70_000)}"}}`,
    })
    expect(refusedOf(long)['services.app.configs[0]']).toMatch(/more than 65536 characters/)
    const many = Array.from({ length: 51 }, (_, index) => `{source: token, target: t${index}}`)
    const problem = await problemOf(
      readWritten({ compose: compose(`  app: {image: x, secrets: [${many.join()}]}`) }),
    )
    expect(problem.cause).toMatch(/at most 50/)
  })
})
