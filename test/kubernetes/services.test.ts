import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Port, Workspace } from '#contract'
import { HIGH_WATER } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import type { TestEngine } from '../ports/engine'
import { TestWindow } from '../terminals/window'
import { openPodWorkspace, type PodWorkspace } from './workspace'

// Ports, URLs and terminals of a workspace in a real pod, by the whole engine.

let pod: PodWorkspace
let test: TestEngine
let workspace: Workspace

beforeAll(async () => {
  pod = await openPodWorkspace()
  test = pod.test
  workspace = pod.workspace
})
afterAll(() => pod?.dispose())

function port(number: number, predicate: (port: Port | undefined) => boolean): Promise<Port | undefined> {
  const id = `${workspace.id}:${number}`
  return waitFor(test.engine.collections.ports, id, predicate, AbortSignal.timeout(60_000))
}

function get(url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { port: number, host, pathname } = new URL(url)
    const options = { host: '127.0.0.1', port: number, path: pathname, headers: { host }, agent: false }
    const request = http.get(options, (response) => {
      let body = ''
      response.on('data', (data) => {
        body += data
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

const server = (number: number) =>
  `mkdir -p /tmp/site && cd /tmp/site && exec python3 -m http.server ${number} --bind 127.0.0.1`
const isLive = (found: Port | undefined) => found?.state === 'live' && found.forward?.url !== undefined

describe('a port', () => {
  it('shows up with its process, is forwarded, and its URL works', async () => {
    await test.background(workspace.id, server(8123))
    const seen = await port(8123, isLive)
    expect(seen?.listeners).toMatchObject([
      { port: 8123, address: '127.0.0.1', process: { name: 'python3', user: 'root' } },
    ])
    const raw = await get(`http://127.0.0.1:${seen?.forward?.localPort}/`)
    expect(raw.status).toBe(200)
    expect(raw.body).toContain('Directory listing')
    expect((await get(seen?.forward?.url ?? '')).body).toBe(raw.body)
  })

  it('says when nothing listens, and works again at the same address when the app is back', async () => {
    const before = await port(8123, isLive)
    await test.run(workspace.id, 'pkill', '-f', 'http.server 8123')
    const gone = await port(8123, (found) => found?.state === 'not-listening')
    expect(gone?.forward).toMatchObject({ localPort: before?.forward?.localPort, url: before?.forward?.url })
    expect((await get(before?.forward?.url ?? '')).status).toBe(503)
    await test.background(workspace.id, server(8123))
    await port(8123, isLive)
    expect((await get(before?.forward?.url ?? '')).status).toBe(200)
  })

  it('keeps its address while the pod is replaced, and refuses no connection', async () => {
    const before = await port(8123, isLive)
    const address = `http://127.0.0.1:${before?.forward?.localPort}/`
    const { incarnation, instance = '' } = test.engine.collections.workspaces.get(workspace.id) ?? {}
    await pod.cluster.kubectl('-n', pod.namespace.name, 'delete', 'pod', instance, '--wait=false')
    const codes = new Set<string>()
    let answered = false
    let served = false
    const knocking = (async () => {
      while (!answered) {
        const answer = await get(address).catch((error: NodeJS.ErrnoException) => String(error.code))
        if (typeof answer === 'string') codes.add(answer)
        else answered = answer.status === 200 && served
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    await waitFor(
      test.engine.collections.workspaces,
      workspace.id,
      (now) => now?.state === 'running' && now.incarnation !== incarnation,
      AbortSignal.timeout(120_000),
    )
    await test.background(workspace.id, server(8123))
    served = true
    await knocking
    expect([...codes]).not.toContain('ECONNREFUSED')
    const after = await port(8123, isLive)
    expect(after?.forward).toMatchObject({ localPort: before?.forward?.localPort, url: before?.forward?.url })
  })
})

describe('a terminal', () => {
  const windows: TestWindow[] = []
  async function session(command?: string[]): Promise<string> {
    const { sessionId } = await test.engine.call('sessions.create', {
      workspaceId: workspace.id,
      columns: 80,
      rows: 24,
      ...(command && { command }),
    })
    return sessionId
  }
  function look(sessionId: string, options: ConstructorParameters<typeof TestWindow>[2] = {}): TestWindow {
    const window = new TestWindow(test.engine, sessionId, options)
    windows.push(window)
    return window
  }
  async function shell() {
    const id = await session()
    const window = look(id)
    await window.until('a prompt', () => /[$#] $/.test(window.text))
    return { id, window }
  }
  afterAll(() => {
    for (const window of windows) window.close()
  })

  it('is the login shell in the workspace folder, with a true terminal of the window’s size', async () => {
    const { window } = await shell()
    window.type('shopt -q login_shell && echo "$TERM $COLORTERM $(id -un) $PWD $(tty) lo""gin"\r')
    await window.until('the answer', () => /login\r\n/.test(window.text))
    const { user, definition } = workspace
    expect(window.text).toContain(
      `xterm-256color truecolor ${user.name} ${definition.workspaceFolder} /dev/pts/`,
    )
    window.resize(100, 30)
    window.type('until [ "$(stty size)" = "30 100" ]; do sleep 0.1; done; echo res""ized\r')
    await window.until('the new size', () => window.text.includes('resized\r\n'))
  })

  it('brings 50 MB to a slow reader, byte for byte, and holds little of it', async () => {
    const make = 'seq -f "%.0f some text that is of some length" 1 1200000 > /tmp/log'
    await test.run(workspace.id, 'sh', '-c', make)
    const id = await session(['sh', '-c', 'stty raw -echo; echo ready; read -r go; cat /tmp/log'])
    const window = look(id, { delay: 1 })
    await window.until('raw mode', () => window.replays > 0 && window.lines.includes('ready'))
    // It came as output or, before the window did, as a part of the screen.
    const first = window.received > 0 ? 'echo ready' : 'true'
    const sum = await test.run(workspace.id, 'sh', '-c', `(${first}; cat /tmp/log) | sha256sum`)
    window.type('go\n')
    await window.until('the end', () => window.end !== undefined, 170_000)
    expect(window.hash.digest('hex')).toBe(sum.split(' ')[0])
    expect(window.mostUnread).toBeLessThanOrEqual(HIGH_WATER)
    expect(window.end).toMatchObject({ reason: 'exited', exitCode: 0 })
  })

  it('answers Control-C while it is flooded', async () => {
    const { window } = await shell()
    for (const flood of ['yes', 'cat /tmp/log']) {
      const flooded = window.received + 3_000_000
      window.type(`${flood}\r`)
      await window.until('a flood', () => window.received > flooded)
      window.type('\x03')
      await window.until('a prompt', () => /\^C[^\n]*\n[^\n]*[$#] $/.test(window.text.slice(-300)))
    }
  })

  it('goes on without a window and comes back with what happened', async () => {
    const { id, window } = await shell()
    window.type('sleep 1; echo do""ne\r')
    await window.until('the echo', () => window.text.includes('sleep'))
    window.close()
    const back = look(id)
    await back.until('what happened meanwhile', () => back.lines.includes('done'))
  })

  it('takes its processes with it when it is closed', async () => {
    const { id, window } = await shell()
    window.type('sleep 7531 & sleep 7532\r')
    const running = () => test.run(workspace.id, 'sh', '-c', 'ps -eo args | grep -c "^sleep 753" || true')
    await expect.poll(running).toBe('2\n')
    await test.engine.call('sessions.close', { sessionId: id })
    await expect.poll(running).toBe('0\n')
  })

  it('says why it ended when its pod is gone', async () => {
    const { window } = await shell()
    const { instance = '' } = test.engine.collections.workspaces.get(workspace.id) ?? {}
    await pod.cluster.kubectl('-n', pod.namespace.name, 'delete', 'pod', instance, '--wait=false')
    // Before another pod is there.
    await window.until('the end', () => window.end !== undefined)
    expect(window.end).toMatchObject({
      reason: 'workspace-stopped',
      message: 'The workspace was restarted.',
    })
  })
})
