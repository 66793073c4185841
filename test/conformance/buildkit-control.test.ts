import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import {
  SolveFailure,
  type SolveRequest,
  solve,
} from '../../main/engine/drivers/shared/build/buildkit/control'
import { buildServices } from '../../main/engine/drivers/shared/build/buildkit/services'
import { Uploads } from '../../main/engine/drivers/shared/build/buildkit/uploads'
import { packContext } from '../../main/engine/drivers/shared/build/context'
import { DockerLogins } from '../../main/engine/platform/docker-logins'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { openDocker } from './docker-harness'
import { never, newId, Recorder } from './harness'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** The engine has BuildKit's own service behind a connection that is taken over (Engine API, "POST /grpc"). */
function connect(): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: '/var/run/docker.sock',
      method: 'POST',
      path: '/grpc',
      headers: { connection: 'Upgrade', upgrade: 'h2c' },
    })
    asked.once('upgrade', (_, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.once('response', (response) => reject(new Error(`the engine answered ${response.statusCode}`)))
    asked.once('error', reject)
    asked.end()
  })
}

async function run(
  dockerfile: string,
  { signal = never, ...more }: Partial<SolveRequest> & { readonly signal?: AbortSignal } = {},
) {
  const { platform, dispose } = openDocker({ TOKEN: 'hush' })
  cleanups.push(dispose)
  const folder = mkdtempSync(join(tmpdir(), 'berth-control-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'Dockerfile'), `FROM ${TEST_IMAGES.alpine}\n${dockerfile}`)
  // More than one window, and one piece, of the connection.
  writeFileSync(join(folder, 'large'), Buffer.alloc(3 * 1024 * 1024, 'large'))
  const uploads = new Uploads()
  const context = uploads.add(async () => (await packContext(folder, '.', 'Dockerfile')).tar)
  const services = buildServices({
    platform,
    logins: new DockerLogins(platform),
    build: {},
    grants: { secrets: [{ id: 'token', env: 'TOKEN' }] },
    folder,
    tell: () => undefined,
  })
  const report = new Recorder()
  const solved = solve(
    await connect(),
    { frontend: 'dockerfile.v0', attributes: { context, filename: 'Dockerfile' }, ...more },
    new Map([...uploads.methods, ...services.methods]),
    report,
    signal,
  )
  return { solved, report }
}

describe("BuildKit's own service", () => {
  it('builds of an uploaded context, with a secret, and tells of its steps', async () => {
    const name = `berth-test-control:${newId()}`
    cleanups.push(() => tryCommand('docker', ['image', 'rm', name]))
    const { solved, report } = await run(
      'COPY large /large\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length\n',
      { exporter: { type: 'moby', attributes: { name } } },
    )
    expect((await solved).get('containerimage.digest')).toMatch(/^sha256:/)
    const inside = await command('docker', ['run', '--rm', name, 'sh', '-c', 'wc -c < /large; cat /length'])
    expect(inside).toBe('3145728\n4\n')
    expect(report.text).toMatch(/^#\d+ \[\d\/3\] COPY large/m)
    expect(report.progresses.at(-1)).toMatchObject({ unit: 'count' })
  })

  it('says at which step a build failed', async () => {
    const { solved } = await run('RUN echo before; exit 3\n')
    const failure = await solved.catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SolveFailure)
    const { message, step } = failure as SolveFailure
    expect(message).toContain('exit code: 3')
    expect(step).toMatchObject({ name: expect.stringContaining('RUN echo before'), lines: ['before'] })
  })

  it('ends when it is aborted', async () => {
    const marker = newId()
    const controller = new AbortController()
    const { solved, report } = await run(`RUN echo begun; sleep 977 # ${marker}\n`, {
      signal: controller.signal,
    })
    await expect.poll(() => report.text).toContain('begun')
    controller.abort()
    await expect(solved).rejects.toThrow()
    await expect
      .poll(async () => (await tryCommand('pgrep', ['-f', `sleep 977 # ${marker}`])).stdout)
      .toBe('')
  })
})
