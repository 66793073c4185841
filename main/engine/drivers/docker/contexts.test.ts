import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../platform/node'
import { watchContexts } from './context-watch'
import { readContexts } from './contexts'

describe('Docker contexts', () => {
  let home: string
  const platform = (env: Record<string, string> = {}) =>
    createNodePlatform({ version: '0', resources: home, env: { HOME: home, ...env } })
  const write = (path: string, content: string) => {
    const full = join(home, '.docker', path)
    mkdirSync(join(full, '..'), { recursive: true })
    writeFileSync(full, content)
  }
  const digest = (name: string) => createHash('sha256').update(name).digest('hex')
  const store = (name: string, host: string) =>
    write(
      `contexts/meta/${digest(name)}/meta.json`,
      JSON.stringify({
        Name: name,
        Metadata: {},
        Endpoints: { docker: { Host: host, SkipTLSVerify: false } },
      }),
    )

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'berth-contexts-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  it('has the default one without any configuration', () => {
    const [only, ...rest] = readContexts(platform())
    expect(rest).toEqual([])
    expect(only?.description).toMatchObject({ id: 'docker:default', isDefault: true })
    expect(only?.endpoint).toBeDefined()
  })

  it('reads the store with TLS, and the current context', () => {
    store('far', 'tcp://10.0.0.1:2376')
    write(`contexts/tls/${digest('far')}/docker/ca.pem`, 'authority')
    store('hop', 'ssh://me@host')
    write('config.json', JSON.stringify({ currentContext: 'hop' }))
    const contexts = readContexts(platform())
    const of = (name: string) => contexts.find(({ description }) => description.name === name)
    expect(of('far')?.endpoint).toMatchObject({ kind: 'tcp', tls: { ca: Buffer.from('authority') } })
    expect(of('hop')?.description).toMatchObject({ isDefault: true, endpoint: 'ssh://me@host' })
    expect(of('default')?.description.isDefault).toBe(false)
  })

  it('follows DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG and the TLS variables', () => {
    store('far', 'tcp://10.0.0.1:2376')
    write('config.json', JSON.stringify({ currentContext: 'far' }))
    write('ca.pem', 'authority')
    const hosted = readContexts(platform({ DOCKER_HOST: 'tcp://1.2.3.4:2376', DOCKER_TLS_VERIFY: '1' }))
    expect(hosted.find(({ description }) => description.isDefault)).toMatchObject({
      description: { name: 'default', endpoint: 'tcp://1.2.3.4:2376' },
      endpoint: { tls: { ca: Buffer.from('authority') } },
    })
    const named = readContexts(platform({ DOCKER_CONTEXT: 'default' }))
    expect(named.find(({ description }) => description.isDefault)?.description.name).toBe('default')
    expect(readContexts(platform({ DOCKER_CONFIG: join(home, 'elsewhere') }))).toHaveLength(1)
  })

  it('tells a broken context with a Problem and leaves the others alone', () => {
    store('good', 'unix:///run/x.sock')
    write(`contexts/meta/${digest('torn')}/meta.json`, '{"Name":"torn"')
    write(`contexts/meta/${digest('empty')}/meta.json`, '{"Name":"empty","Endpoints":{}}')
    store('odd', 'carrier-pigeon://x')
    store('leaky', 'ssh://me:secret@host')
    write('config.json', JSON.stringify({ currentContext: 'gone' }))
    const contexts = readContexts(platform())
    const broken = contexts.filter(({ description }) => description.problem)
    expect(broken.map(({ description }) => description.name).sort()).toEqual(
      ['empty', 'gone', 'leaky', 'odd', digest('torn').slice(0, 12)].sort(),
    )
    for (const { description, endpoint } of broken) {
      expect(description.problem?.code).toBe('target-misconfigured')
      expect(endpoint).toBeUndefined()
      expect(JSON.stringify(description)).not.toContain('secret')
    }
    expect(contexts.find(({ description }) => description.name === 'good')?.endpoint).toBeDefined()
    write('config.json', 'not json')
    expect(readContexts(platform())[0]?.description.isDefault).toBe(true)
  })

  it('is told at once and again after each change, also of folders that come later', async () => {
    const seen: string[][] = []
    const stop = watchContexts(platform(), (contexts) =>
      seen.push(contexts.map(({ description }) => description.name)),
    )
    expect(seen).toEqual([['default']])
    store('later', 'unix:///run/x.sock')
    await expect.poll(() => seen.at(-1)).toEqual(['default', 'later'])
    rmSync(join(home, '.docker', 'contexts'), { recursive: true })
    await expect.poll(() => seen.at(-1)).toEqual(['default'])
    await stop()
  })
})
