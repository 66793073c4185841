import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ProblemError, type Workspace } from '#contract'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { startEngine, type TestEngine } from './engine'

let test: TestEngine
let workspace: Workspace

beforeAll(async () => {
  await ensureImages(['debian'])
  test = await startEngine()
  workspace = await test.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
})
afterAll(() => test?.dispose())

/** What stands for code-server, with its options: it says how it was started, and how often that was done. */
const PROGRAM = `#!/usr/bin/python3
import http.server, sys
if sys.argv[1] == "--install-extension":
    with open("/tmp/extensions", "a") as extensions:
        extensions.write(sys.argv[2] + " ")
    sys.exit()
with open("/tmp/starts", "a") as starts:
    starts.write("x")
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write((self.path + " " + " ".join(sys.argv[1:])).encode())
host, port = sys.argv[sys.argv.index("--bind-addr") + 1].split(":")
http.server.HTTPServer((host, int(port)), Page).serve_forever()
`

const open = () => test.engine.call('access.open', { workspaceId: workspace.id, opener: 'browser' })

describe('an editor for the browser', () => {
  it('is missed where the workspace has none', async () => {
    const code = await open().catch((error: unknown) =>
      error instanceof ProblemError ? error.problem.code : error,
    )
    expect(code).toBe('not-found')
  })

  it('is started where there is one, and found again while it runs', async () => {
    const script = 'printf %s "$1" > /usr/local/bin/code-server && chmod +x /usr/local/bin/code-server'
    await test.run(workspace.id, 'sh', '-c', script, 'sh', PROGRAM)
    const { url = '' } = await open()
    const { searchParams, hostname } = new URL(url)
    const folder = workspace.definition.workspaceFolder
    expect(searchParams.get('folder')).toBe(folder)
    expect(hostname).toMatch(new RegExp(`^\\d+-${workspace.name}\\.localhost$`))
    expect((await open()).url).toBe(url)
    expect(await test.run(workspace.id, 'cat', '/tmp/starts')).toBe('x')

    const end = `pkill -f '[b]in/code-server'; while pgrep -f '[b]in/code-server'; do sleep 0.1; done`
    await test.run(workspace.id, 'sh', '-c', end)
    const again = await open()
    expect(again.url).toBeDefined()
    expect(await test.run(workspace.id, 'cat', '/tmp/starts')).toBe('xx')
    const arguments_ = 'read -r pid port < "$HOME/.berth/browser-ide"; tr "\\0" " " < "/proc/$pid/cmdline"'
    const asked = await test.run(workspace.id, 'sh', '-c', arguments_)
    expect(asked).toContain('--auth none')
    expect(asked).toContain(folder)
    expect(asked).toMatch(/--bind-addr 127\.0\.0\.1:\d+/)
  })

  it('gets the extensions and settings that the definition names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-browser-ide-'))
    const definition = {
      image: TEST_IMAGES.debian,
      customizations: { vscode: { extensions: ['a.b', 'c.d'], settings: { 'editor.tabSize': 3 } } },
    }
    await writeFile(join(folder, '.devcontainer.json'), JSON.stringify(definition))
    try {
      const { id } = await test.create({ source: { kind: 'folder', path: folder } })
      const script = 'printf %s "$1" > /usr/local/bin/code-server && chmod +x /usr/local/bin/code-server'
      await test.run(id, 'sh', '-c', script, 'sh', PROGRAM)
      await test.engine.call('access.open', { workspaceId: id, opener: 'browser' })
      await expect.poll(() => test.run(id, 'sh', '-c', 'cat /tmp/extensions || true')).toBe('a.b c.d ')
      const settings = await test.run(id, 'sh', '-c', 'cat ~/.local/share/code-server/Machine/settings.json')
      expect(JSON.parse(settings)).toEqual({ 'editor.tabSize': 3 })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
