import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkAgent } from './check.mjs'
import { digestOf, manifestPath } from './manifest.mjs'
import { architectures, packedName } from './places.mjs'
import { digestOfSources } from './sources.mjs'

// What is checked without Go: the manifest names a version that nobody has.

/** @type {string} */
let folder
/** @type {import('./places.mjs').Places} */
let places

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-agent-check-'))
  places = { module: join(folder, 'agent'), built: join(folder, 'built') }
  mkdirSync(join(places.module, 'cmd'), { recursive: true })
  mkdirSync(places.built)
  writeFileSync(join(places.module, 'go.mod'), 'module example.test\n\ngo 1.25.0\n')
  writeFileSync(join(places.module, 'cmd/main.go'), 'package main\n')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Leaves what a build leaves. */
function build() {
  const described = architectures.map((architecture) => {
    const bytes = Buffer.from(`an agent for ${architecture}`)
    writeFileSync(join(places.built, packedName(architecture)), gzipSync(bytes))
    return [architecture, { file: packedName(architecture), sha256: digestOf(bytes), size: bytes.length }]
  })
  const manifest = {
    version: '0.1.0',
    revision: 1,
    go: 'go0.0.1',
    sources: digestOfSources(places.module),
    binaries: Object.fromEntries(described),
  }
  writeFileSync(manifestPath(places.built), JSON.stringify(manifest))
}

const check = () => checkAgent(places, () => {})

describe('the check of the agent', () => {
  it('says where the agent is not built yet', async () => {
    expect(await check()).toEqual({
      passed: 0,
      failed: 0,
      skipped: [{ name: 'agent', reason: 'the agent is not built yet' }],
      failures: [],
    })
  })

  it('holds binaries and sources against the manifest without Go, and says what it leaves out', async () => {
    build()
    const { skipped, ...counts } = await check()
    expect(counts).toEqual({ passed: 3, failed: 0, failures: [] })
    expect(skipped.map(({ name }) => name)).toEqual([
      'gofmt',
      'go vet',
      'go test',
      'rebuilding for amd64',
      'rebuilding for arm64',
    ])
    for (const { reason } of skipped) expect(reason).toContain('the agent is built with Go 0.0.1')
  })

  it('fails when sources have changed since the build, and not for tests and documents', async () => {
    build()
    writeFileSync(join(places.module, 'cmd/main_test.go'), 'package main\n')
    writeFileSync(join(places.module, 'PROTOCOL.md'), '# Protocol\n')
    mkdirSync(join(places.module, 'cmd/testdata'))
    writeFileSync(join(places.module, 'cmd/testdata/example.go'), 'package example\n')
    expect((await check()).failures).toEqual([])
    for (const path of ['go.mod', 'go.sum', 'cmd/main.go', 'cmd/another.go']) {
      build()
      writeFileSync(join(places.module, path), '// changed\n', { flag: 'a' })
      expect((await check()).failures, path).toEqual([
        'sources\n    they are not those of the binaries: run npm run build:agent',
      ])
    }
  })

  it('fails when a binary is gone, broken, or another one', async () => {
    build()
    const path = join(places.built, packedName('arm64'))
    const packed = readFileSync(path)
    for (const bytes of [packed.subarray(0, 20), gzipSync('another agent'), gzipSync('an agent for ARM64')]) {
      writeFileSync(path, bytes)
      const { failures } = await check()
      expect(failures).toHaveLength(1)
      expect(failures[0]).toContain(packedName('arm64'))
    }
    rmSync(path)
    expect((await check()).failures[0]).toContain('ENOENT')
  })
})
