import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WINDOW_ORIGIN } from '#contract/channels'
import { pictureFailures } from './failure-picture'
import { askMain, type BerthApp, launchBerth, tellMain } from './launch'

const PAGE = `${WINDOW_ORIGIN}/index.html`

let berth: BerthApp
pictureFailures(() => berth)
let server: Server
let origin: string
/** What reached a server on this machine's network, from anywhere in the window. */
const reached: string[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    reached.push(request.url ?? '')
    response.setHeader('access-control-allow-origin', '*')
    response.end('reached')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  berth = await launchBerth()
})
afterAll(async () => {
  await berth?.close()
  await new Promise((resolve) => server.close(resolve))
})
afterEach(async () => {
  expect(reached.splice(0), 'nothing may reach the network').toEqual([])
  await berth.page.waitForURL(PAGE)
  await expect.poll(() => berth.page.frames().length).toBe(1)
  expect(await askMain(berth, ({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
})

/** Waits until whatever the page began has had its turn in the page and in the shell, and our page is there. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 150))
  // Goes on over navigations, which an evaluation would not survive.
  await berth.page.waitForFunction(
    async (page) =>
      location.href === page &&
      document.readyState === 'complete' &&
      (await window.berth.shell.call('shell.info', {})).ok,
    PAGE,
  )
}

describe('the page’s process', () => {
  it('is sandboxed and isolated', async () => {
    const [preferences, pid] = await askMain(berth, ({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows()
      if (!window) throw new Error('no window')
      const contents = window.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> }
      return [contents.getLastWebPreferences(), window.webContents.getOSProcessId()] as const
    })
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
    })
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    expect(status, 'a seccomp filter is on').toMatch(/^Seccomp:\s+2$/m)
    expect(status, 'it may not gain privileges').toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status, 'it has none').toMatch(/^CapEff:\s+0+$/m)
  })

  it('has no Node, no Electron and one small bridge', async () => {
    const found = await berth.page.evaluate(() => ({
      names: [
        'require',
        'process',
        'module',
        'exports',
        'global',
        'Buffer',
        '__dirname',
        'setImmediate',
        'electron',
      ].filter((name) => name in window),
      bridge: Object.keys(window.berth).sort(),
      shell: Object.keys(window.berth.shell),
      frozen: (() => {
        try {
          Object.assign(window.berth.shell, { call: () => 'mine' })
        } catch {
          return true
        }
        return false
      })(),
    }))
    expect(found).toEqual({
      names: [],
      bridge: ['giveMemoryBack', 'onAssistive', 'onCommand', 'onEngineState', 'pathOf', 'platform', 'shell'],
      shell: ['call'],
      frozen: true,
    })
  })
})

describe('leaving the page', () => {
  it.each([
    ['an http address', (to: string) => location.assign(to)],
    ['another file of ours', () => location.assign('app://berth/other.html')],
    ['another host of our scheme', () => location.assign('app://other/index.html')],
    ['a file', () => location.assign('file:///etc/passwd')],
    ['a data address', () => location.assign('data:text/html,<h1>x')],
    ['a blank page', () => location.assign('about:blank')],
    ['a script address', () => location.assign('javascript:document.title="ran"')],
    [
      'a link',
      (to: string) => {
        const link = document.createElement('a')
        link.href = to
        document.body.append(link)
        link.click()
        link.remove()
      },
    ],
    [
      'a link to a new window',
      (to: string) => {
        const link = document.createElement('a')
        link.href = to
        link.target = '_blank'
        document.body.append(link)
        link.click()
        link.remove()
      },
    ],
    [
      'a download',
      (to: string) => {
        const link = document.createElement('a')
        link.href = to
        link.download = 'x'
        document.body.append(link)
        link.click()
        link.remove()
      },
    ],
    [
      'a form',
      (to: string) => {
        const form = document.createElement('form')
        form.action = to
        document.body.append(form)
        form.submit()
        form.remove()
      },
    ],
    [
      'a frame',
      (to: string) => {
        const frame = document.createElement('iframe')
        frame.src = to
        document.body.append(frame)
        setTimeout(() => frame.remove(), 100)
      },
    ],
    [
      'a webview',
      (to: string) => {
        const view = document.createElement('webview')
        view.setAttribute('src', to)
        document.body.append(view)
        setTimeout(() => view.remove(), 100)
      },
    ],
    [
      'a refresh header',
      (to: string) => {
        const meta = document.createElement('meta')
        meta.httpEquiv = 'refresh'
        meta.content = `0;url=${to}`
        document.head.append(meta)
        meta.remove()
      },
    ],
  ] as const)('by %s is refused', async (_how, act) => {
    await berth.page.evaluate(act, `${origin}/left`)
    await settle()
  })

  it.each([
    'https://example.com',
    'app://berth/index.html',
    'about:blank',
    'data:text/html,x',
    'file:///etc/passwd',
  ])('window.open(%j) opens nothing', async (url) => {
    expect(await berth.page.evaluate((to) => window.open(to) === null, url)).toBe(true)
    await settle()
  })

  it('but the page can load itself again', async () => {
    await berth.page.evaluate(() => {
      Object.assign(window, { mark: true })
    })
    await Promise.all([
      berth.page.waitForEvent('domcontentloaded'),
      berth.page.evaluate(() => setTimeout(() => location.reload())),
    ])
    expect(await berth.page.evaluate(() => 'mark' in window)).toBe(false)
  })
})

describe('permissions', () => {
  it('are all refused but writing to the clipboard', async () => {
    const states = await berth.page.evaluate(async () => {
      const ask = async (name: string) => {
        try {
          return (await navigator.permissions.query({ name: name as PermissionName })).state
        } catch (error) {
          return String(error)
        }
      }
      return {
        write: await ask('clipboard-write'),
        read: await ask('clipboard-read'),
        geolocation: await ask('geolocation'),
        notifications: await ask('notifications'),
        camera: await ask('camera'),
        microphone: await ask('microphone'),
        midi: await ask('midi'),
      }
    })
    expect(states).toEqual({
      write: 'granted',
      read: 'denied',
      geolocation: 'denied',
      notifications: 'denied',
      camera: 'denied',
      microphone: 'denied',
      midi: 'denied',
    })
  })

  it('are refused when they are used', async () => {
    const errors = await berth.page.evaluate(async () => {
      const name = (promise: Promise<unknown>) => promise.then(() => 'granted', String)
      return {
        notifications: await Notification.requestPermission(),
        camera: await name(navigator.mediaDevices?.getUserMedia({ video: true })),
        screen: await name(navigator.mediaDevices?.getDisplayMedia()),
        position: await new Promise((resolve) =>
          navigator.geolocation.getCurrentPosition(
            () => resolve('granted'),
            (error) => resolve(error.code),
          ),
        ),
      }
    })
    expect(errors.notifications).toBe('denied')
    expect([errors.camera, errors.screen]).not.toContain('granted')
    expect(errors.position).toBe(1)
  })
})

describe('the content policy', () => {
  it('lets no inline or foreign script run and nothing be evaluated', async () => {
    const found = await berth.page.evaluate(async (to) => {
      const ran: string[] = []
      Object.assign(window, { ran })
      const script = document.createElement('script')
      script.textContent = 'window.ran.push("inline")'
      document.body.append(script)
      const image = document.createElement('img')
      image.setAttribute('onerror', 'window.ran.push("handler")')
      image.src = 'data:image/png;base64,x'
      document.body.append(image)
      const tryIt = (name: string, action: () => unknown) =>
        // Apart from this evaluation, for which the debugger lifts the ban on eval.
        new Promise<void>((resolve) =>
          setTimeout(() => {
            try {
              action()
              ran.push(name)
            } catch {
              // Refused, as it should be.
            }
            resolve()
          }),
        )
      // biome-ignore lint/security/noGlobalEval: that it does not work is what is tested
      await tryIt('eval', () => window.eval('1'))
      await tryIt('Function', () => new Function('return 1')())
      await tryIt('wasm', () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])))
      const loads = (element: HTMLElement) =>
        new Promise<string>((resolve) => {
          element.onload = () => resolve('loaded')
          element.onerror = () => resolve('refused')
          document.body.append(element)
        })
      const remote = [
        await loads(Object.assign(document.createElement('script'), { src: `${to}/x.js` })),
        await loads(
          Object.assign(document.createElement('script'), {
            src: 'data:text/javascript,window.ran.push("data")',
          }),
        ),
        await loads(Object.assign(document.createElement('img'), { src: `${to}/x.png` })),
        await loads(
          Object.assign(document.createElement('link'), { rel: 'stylesheet', href: `${to}/x.css` }),
        ),
      ]
      for (const element of [script, image]) element.remove()
      return { ran, remote }
    }, origin)
    expect(found).toEqual({ ran: [], remote: ['refused', 'refused', 'refused', 'refused'] })
  })

  it('lets the page talk to nobody', async () => {
    const answers = await berth.page.evaluate(async (to) => {
      const name = (promise: Promise<unknown>) =>
        promise.then(
          () => 'reached',
          () => 'refused',
        )
      const socket = (make: () => WebSocket | EventSource) =>
        new Promise<string>((resolve) => {
          try {
            const made = make()
            made.onopen = () => resolve('reached')
            made.onerror = () => resolve('refused')
          } catch {
            resolve('refused')
          }
        })
      return [
        await name(fetch(`${to}/fetch`)),
        await name(fetch(`${to}/no-cors`, { mode: 'no-cors' })),
        await name(fetch('file:///etc/passwd')),
        await socket(() => new WebSocket(`${to.replace('http', 'ws')}/socket`)),
        await socket(() => new EventSource(`${to}/events`)),
        navigator.sendBeacon(`${to}/beacon`) ? 'refused' : 'refused',
        await new Promise<string>((resolve) => {
          try {
            const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])))
            worker.onmessage = () => resolve('reached')
            worker.onerror = () => resolve('refused')
          } catch {
            resolve('refused')
          }
        }),
      ]
    }, origin)
    expect(answers).toEqual(answers.map(() => 'refused'))
    await settle()
  })

  it('is not needed to keep the network out: the session refuses too', async () => {
    // A page of the same session without any policy, as if ours had been taken over.
    const reach = async ({ BrowserWindow }: typeof import('electron'), to: string) => {
      const window = new BrowserWindow({ show: false, webPreferences: { sandbox: true } })
      await window.loadURL('data:text/html,<h1>no policy</h1>')
      const result = await window.webContents.executeJavaScript(
        `fetch(${JSON.stringify(to)}, { mode: 'no-cors' }).then(() => 'reached', () => 'refused')`,
      )
      window.destroy()
      return result
    }
    expect(await askMain(berth, reach, `${origin}/session`)).toBe('refused')
  })
})

describe('files of the page', () => {
  it.each([
    ['/../main/index.js', 404],
    ['/%2e%2e/main/index.js', 404],
    ['/..%2fmain%2findex.js', 403],
    ['/assets/..%2f..%2fmain%2findex.js', 403],
    ['/..%2f..%2fpackage.json', 403],
    ['/..%5cmain%5cindex.js', 400],
    ['//etc/passwd', 404],
    ['/%2fetc%2fpasswd', 404],
    ['/index.html%00', 400],
  ])('%s is not one: %i', async (path, status) => {
    const answer = await berth.page.evaluate(async (to) => {
      const response = await fetch(`app://berth${to}`)
      return { status: response.status, text: await response.text() }
    }, path)
    expect(answer).toEqual({ status, text: '' })
  })

  it('are served with the policy as a header', async () => {
    const policy = await berth.page.evaluate(async () =>
      (await fetch('./index.html')).headers.get('content-security-policy'),
    )
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe-eval')
  })
})

describe('the shell’s door', () => {
  const call = (name: unknown, input: unknown) =>
    berth.page.evaluate(
      ([first, second]) => window.berth.shell.call(first as 'shell.info', second as Record<string, never>),
      [name, input] as const,
    )

  it.each([
    ['shell.nothing', {}],
    ['__proto__', {}],
    ['constructor', {}],
    ['hasOwnProperty', {}],
    ['', {}],
    ['x'.repeat(1_000_000), {}],
    [null, {}],
    [['shell.info'], {}],
    [{ toString: 'shell.info' }, {}],
    ['shell.info', undefined],
    ['shell.info', null],
    ['shell.info', 'text'],
    ['shell.info', []],
    ['shell.info', { extra: true }],
    ['shell.openExternal', {}],
    ['shell.openExternal', { url: { href: 'https://example.com' } }],
    ['shell.writeClipboard', { text: 'x'.repeat(10_000_001) }],
    ['shell.setTheme', { theme: '__proto__' }],
  ])('refuses nonsense (%#)', async (name, input) => {
    expect(await call(name, input)).toMatchObject({ ok: false, problem: { code: 'invalid-input' } })
    expect(await call('shell.info', {})).toMatchObject({ ok: true })
  })

  it('is not led astray by __proto__ as a key', async () => {
    await berth.page.evaluate(() =>
      window.berth.shell.call('shell.setTheme', JSON.parse('{"theme":"system","__proto__":{"polluted":1}}')),
    )
    expect(await askMain(berth, () => 'polluted' in {})).toBe(false)
  })

  it('opens http and https addresses in the browser, and nothing else anywhere', async () => {
    await tellMain(berth, ({ shell }) => {
      const opened: string[] = []
      Object.assign(globalThis, { opened })
      shell.openExternal = async (url) => void opened.push(url)
    })
    for (const url of [
      'file:///etc/passwd',
      'javascript:alert(1)',
      'data:text/html,x',
      'vscode://file/etc/passwd',
      'smb://127.0.0.1/share',
      'mailto:a@b',
      '/etc/passwd',
      'C:\\Windows\\system32\\cmd.exe',
    ])
      expect(await call('shell.openExternal', { url })).toMatchObject({ ok: false })
    expect(await call('shell.openExternal', { url: 'HTTP://3000-demo.localhost:7080/' })).toEqual({
      ok: true,
      value: {},
    })
    const opened = await askMain(berth, () => (globalThis as unknown as { opened: string[] }).opened)
    expect(opened).toEqual(['http://3000-demo.localhost:7080/'])
  })

  it.each([
    ['a window that Berth did not open, even on our page', PAGE],
    ['a window on another page', 'data:text/html,<h1>x</h1>'],
  ])('does not answer %s', async (_who, url) => {
    const preload = await askMain(berth, ({ app }) => `${app.getAppPath()}/out/preload/index.cjs`)
    const answer = await askMain(
      berth,
      async ({ BrowserWindow }, { path, to }) => {
        const window = new BrowserWindow({ show: false, webPreferences: { preload: path, sandbox: true } })
        try {
          await window.loadURL(to)
          return await window.webContents.executeJavaScript('berth.shell.call("shell.readClipboard", {})')
        } finally {
          window.destroy()
        }
      },
      { path: preload, to: url },
    )
    expect(answer).toMatchObject({ ok: false, problem: { code: 'permission-denied' } })
  })

  it('is ours alone again after our window was made to show something else', async () => {
    await berth.page.evaluate(() => {
      Object.assign(window, { before: true })
    })
    await tellMain(berth, ({ BrowserWindow }) =>
      // Ends with an error, because the shell loads its own page instead.
      BrowserWindow.getAllWindows()[0]
        ?.loadURL('data:text/html,<h1>taken over</h1>')
        .catch(() => undefined),
    )
    await berth.page.waitForFunction((page) => location.href === page && !('before' in window), PAGE)
    await settle()
  })
})
