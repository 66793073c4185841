import { describe, expect, it } from 'vitest'
import { problem, shellRequests } from '#contract'
import { externalUrl } from './external-url'
import { answerShellRequest, type ShellHandlers } from './shell-door'

const called: unknown[] = []
const handlers: ShellHandlers<string> = {
  'shell.openExternal': ({ url }) => {
    called.push(externalUrl(url))
    return {}
  },
  'shell.chooseFolder': (_input, window) => ({ path: window }),
  'shell.chooseUpload': () => ({ paths: [] }),
  'shell.writeClipboard': () => {
    throw new TypeError('broken')
  },
  'shell.readClipboard': () => {
    throw problem({ code: 'busy', title: 'a', cause: 'b', remedy: 'c' })
  },
  'shell.connectEngine': () => ({}),
  'shell.restartEngine': () => ({}),
  'shell.setTheme': () => ({}),
  'shell.askAttention': () => ({}),
  'shell.info': () => ({ version: '1', platform: 'linux', electron: '1' }),
}

async function knock(message: readonly unknown[], window: string | undefined = 'a window') {
  const refusals: string[] = []
  const result = await answerShellRequest(handlers, window, message, (why) => refusals.push(why))
  return { result, refusals }
}

describe('answerShellRequest', () => {
  it('answers a good request, for the window that asked', async () => {
    const { result, refusals } = await knock(['shell.chooseFolder', {}])
    expect(result).toEqual({ ok: true, value: { path: 'a window' } })
    expect(refusals).toEqual([])
  })

  it('answers a stranger nothing, whatever he asks', async () => {
    const refusals: string[] = []
    for (const name of Object.keys(shellRequests)) {
      const result = await answerShellRequest(handlers, undefined, [name, {}], (why) => refusals.push(why))
      expect(result).toMatchObject({ ok: false, problem: { code: 'permission-denied' } })
    }
    expect(refusals).toHaveLength(Object.keys(shellRequests).length)
  })

  it.each([
    ['nothing', []],
    ['a name alone', ['shell.info']],
    ['too much', ['shell.info', {}, {}]],
    ['no name', [null, {}]],
    ['an object for a name', [{ toString: () => 'shell.info' }, {}]],
    ['a name of the prototype', ['toString', {}]],
    ['__proto__', ['__proto__', {}]],
    ['constructor', ['constructor', {}]],
    ['an unknown name', ['shell.eval', {}]],
    ['a huge name', ['x'.repeat(1e6), {}]],
    ['no input', ['shell.info', undefined]],
    ['a wrong type', ['shell.openExternal', { url: 7 }]],
    ['one key more', ['shell.info', { extra: 1 }]],
    ['an array', ['shell.info', []]],
    ['a URL beyond bounds', ['shell.openExternal', { url: `https://a/${'x'.repeat(5000)}` }]],
    ['a theme that is none', ['shell.setTheme', { theme: 'constructor' }]],
  ])('refuses %s as invalid input, and says so to the log', async (_what, message) => {
    const { result, refusals } = await knock(message)
    expect(result).toMatchObject({ ok: false, problem: { code: 'invalid-input' } })
    expect(refusals).toHaveLength(1)
    expect(JSON.stringify(result).length).toBeLessThan(3000)
  })

  it('turns what a handler throws into a Problem', async () => {
    expect((await knock(['shell.writeClipboard', { text: '' }])).result).toMatchObject({
      ok: false,
      problem: { code: 'internal', cause: 'broken' },
    })
    expect((await knock(['shell.readClipboard', {}])).result).toMatchObject({
      ok: false,
      problem: { code: 'busy' },
    })
  })

  it.each([
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/html,x',
    'ssh://host',
    'vscode://x',
    'smb://host/share',
    '/etc/passwd',
    'https:',
    '',
    ' ',
  ])('does not open %j', async (url) => {
    const before = called.length
    const { result } = await knock(['shell.openExternal', { url }])
    expect(result).toMatchObject({ ok: false, problem: { code: 'invalid-input' } })
    expect(called).toHaveLength(before)
  })

  it('opens http and https, as the parser understood them', async () => {
    await knock(['shell.openExternal', { url: 'HTTP://8501-demo.localhost:7080/a b' }])
    expect(called.pop()).toBe('http://8501-demo.localhost:7080/a%20b')
  })
})
