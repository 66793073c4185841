import { createServer, get, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AddressDocument, PortsDocument, ProblemDocument, ServeLine } from '../../cli/documents'
import { TEST_IMAGES } from '../harness/images'
import { type CommandLine, commandLine, type Running, uniqueName } from './berth'

let berth: CommandLine
const name = uniqueName('serve')

beforeAll(async () => {
  berth = await commandLine()
  const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', name])
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  await berth.run(['delete', name, '--yes'])
  await berth.dispose()
})

/** A web app inside, bound to 127.0.0.1; ends with the returned process. */
async function app(port: number): Promise<Running> {
  const running = berth.start([
    'exec',
    name,
    '--',
    'python3',
    '-u',
    '-m',
    'http.server',
    '-b',
    '127.0.0.1',
    String(port),
  ])
  await running.prints(/Serving HTTP/)
  return running
}

/** A port number that nothing of this machine has just now. */
async function freePort(): Promise<number> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** GET by the router's URL, over loopback whatever the resolver thinks of `*.localhost`. */
function fetchUrl(url: string): Promise<{ status: number; body: string }> {
  const { host, port, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: pathname, headers: { host }, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })
}

describe('ports on the command line', () => {
  it('are listed, served, found and gone', async () => {
    const port = await freePort()
    const idle = await berth.run(['url', name, String(port), '--json'])
    expect([idle.code, ProblemDocument.parse(JSON.parse(idle.stdout.toString())).problem.code]).toEqual([
      1,
      'not-found',
    ])
    const served = berth.start(['serve', name, '--json'])
    await served.prints(/Serving until/)
    const inside = await app(port)
    const line = await served.prints(new RegExp(`.*"event":"up".*"port":${port}.*`))
    const up = ServeLine.parse(JSON.parse(line[0]))
    expect(up).toMatchObject({ workspace: { name }, port })
    expect((await fetchUrl(up.url ?? '')).status).toBe(200)

    const found = await berth.json(AddressDocument, ['url', name, String(port)])
    expect(found).toMatchObject({ url: up.url, local: up.local })
    const { ports } = await berth.json(PortsDocument, ['ports', name])
    expect(ports).toMatchObject([
      {
        port,
        state: 'live',
        addresses: ['127.0.0.1'],
        local: up.local,
        url: up.url,
        process: { name: expect.stringContaining('python') },
      },
    ])

    inside.child.kill('SIGTERM')
    await inside.ended
    const down = await served.prints(new RegExp(`.*"event":"down".*"port":${port}.*`))
    expect(ServeLine.parse(JSON.parse(down[0]))).toMatchObject({ port, url: up.url })
    // The same address works again when the app is back.
    const again = await app(port)
    await served.prints(new RegExp(`"down"[^]*"event":"up".*"port":${port}`))
    expect((await fetchUrl(up.url ?? '')).status).toBe(200)
    again.child.kill('SIGTERM')
    await again.ended

    served.child.kill('SIGINT')
    expect((await served.ended).code).toBe(0)
    expect((await berth.run(['url', name, String(port)])).code).toBe(1)
  })

  it('are forwarded one by one, to the number that was asked for', async () => {
    const [port, local] = [await freePort(), await freePort()]
    const inside = await app(port)
    const forwarding = berth.start(['forward', name, `${port}:${local}`, '--json'])
    await forwarding.prints(/^\}$/m)
    expect((await fetchUrl(`http://127.0.0.1:${local}/`)).status).toBe(200)
    forwarding.child.kill('SIGINT')
    const { code, stdout } = await forwarding.ended
    expect(code).toBe(0)
    expect(AddressDocument.parse(JSON.parse(stdout.toString()))).toMatchObject({
      port,
      local: `127.0.0.1:${local}`,
    })
    await expect(fetchUrl(`http://127.0.0.1:${local}/`)).rejects.toThrow('ECONNREFUSED')
    inside.child.kill('SIGTERM')
    await inside.ended
  })

  it('are refused where the local number is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const taken = (server.address() as AddressInfo).port
    try {
      const ended = await berth.run(['forward', name, `8000:${taken}`, '--json'])
      expect(ended.code).toBe(1)
      expect(ProblemDocument.parse(JSON.parse(ended.stdout.toString())).problem.code).toBe('port-busy')
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('what is served while its workspace changes', () => {
  it('says when it is stopped, and ends with the reason once it is deleted', async () => {
    const own = uniqueName('served')
    const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', own])
    expect(code, stderr).toBe(0)
    const port = await freePort()
    const served = berth.start(['serve', own])
    const listed = berth.start(['serve', own, '--json'])
    const forwarding = berth.start(['forward', own, String(port), '--json'])
    const log = berth.start(['logs', own, '-f'])
    await served.prints(/Serving until/)
    await listed.prints(/Serving until/)
    await forwarding.prints(/^\}$/m)
    // It follows once it shows what was printed before.
    await berth.run(['exec', '-u', 'root', own, '--', 'sh', '-c', 'echo mark >/proc/1/fd/1'])
    await log.prints(/mark/)

    await berth.run(['stop', own])
    for (const one of [served, listed, forwarding]) await one.prints(new RegExp(`${own} is stopped\\.`))
    const followed = await log.ended
    expect([followed.code, followed.stdout.toString()]).toEqual([0, 'mark\n'])
    expect(followed.stderr).toMatch(new RegExp(`^${own} is (?:stopped|being stopped)\\.$`, 'm'))

    await berth.run(['delete', own, '--yes'])
    const [text, lines, one] = await Promise.all([served.ended, listed.ended, forwarding.ended])
    expect([text.code, lines.code, one.code]).toEqual([1, 1, 1])
    expect(text.stderr).toContain(`${own} was deleted`)
    expect(one.stderr).toContain(`${own} was deleted`)
    expect(AddressDocument.parse(JSON.parse(one.stdout.toString()))).toMatchObject({ port })
    expect(lines.stdout.toString().trimEnd().split('\n')).toHaveLength(1)
    expect(ProblemDocument.parse(JSON.parse(lines.stdout.toString())).problem.code).toBe('workspace-gone')
  })

  it('tells what ended a command', async () => {
    const own = uniqueName('ended')
    const { code, stderr } = await berth.run(['up', '--image', TEST_IMAGES.debian, '--name', own])
    expect(code, stderr).toBe(0)
    const running = berth.start(['exec', own, '--', 'sh', '-c', 'echo here; sleep 1000'])
    await running.prints(/here/)
    await berth.run(['delete', own, '--yes'])
    const ended = await running.ended
    expect(ended.code).toBe(137)
    expect(ended.stderr).toMatch(new RegExp(`^${own} (?:is being|was) deleted\\.$`, 'm'))
  })

  it('says which port stands for one that is taken', async () => {
    const taken = createTcpServer()
    await new Promise<void>((resolve) => taken.listen(0, '::1', resolve))
    const { port } = taken.address() as AddressInfo
    try {
      const forwarding = berth.start(['forward', name, String(port)])
      await forwarding.prints(new RegExp(`Port ${port} of this machine cannot be had; \\d+ leads to`))
      forwarding.child.kill('SIGINT')
      expect((await forwarding.ended).code).toBe(0)
    } finally {
      await new Promise((resolve) => taken.close(resolve))
    }
  })
})

describe('berth logs', () => {
  it('prints what the main process printed, on the stream that it printed it on', async () => {
    const script =
      'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done >/proc/1/fd/1; echo oops >/proc/1/fd/2'
    await berth.run(['exec', '-u', 'root', name, '--', 'sh', '-c', script])
    // What a pipe brings the engine notes beside all else, each of the two streams for itself.
    const noted = async () => {
      const { stdout, stderr } = await berth.run(['logs', name])
      return [stdout.toString().endsWith('line 1999\n'), stderr.endsWith('oops\n')]
    }
    await expect.poll(noted).toEqual([true, true])
    const { code, stdout, stderr } = await berth.run(['logs', name])
    expect(code).toBe(0)
    expect(stdout.toString()).toBe(Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join(''))
    expect(stderr).toBe('oops\n')
    const tail = await berth.run(['logs', name, '--tail', '3'])
    // Which of the two streams Docker noted first is its own affair.
    const both = tail.stdout.toString() + tail.stderr
    expect(both.split('\n')).toHaveLength(4)
    expect(both).toMatch(/line 1999\n/)
  })

  it('follows until Ctrl-C', async () => {
    const running = berth.start(['logs', name, '-f', '--tail', '0'])
    const mark = uniqueName('mark')
    // Until it follows, what is printed is not its to show: printed again and again, one after the other.
    let isShown = false
    const printing = (async () => {
      while (!isShown)
        await berth.run(['exec', '-u', 'root', name, '--', 'sh', '-c', `echo ${mark} >/proc/1/fd/1`])
    })()
    try {
      await running.prints(new RegExp(mark))
    } finally {
      isShown = true
      await printing
    }
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(0)
  })
})
