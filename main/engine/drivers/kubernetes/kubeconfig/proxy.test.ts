import { expect, it } from 'vitest'
import { environmentProxy, parseProxy } from './proxy'

const proxyOf = (server: string, env: Record<string, string>) => environmentProxy(new URL(server), env)

it('takes the proxy of the scheme, upper-case names first, with or without a scheme of its own', () => {
  expect(proxyOf('https://h', { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:1' })).toBe('http://p:1')
  expect(proxyOf('https://h', { https_proxy: 'p:3128', HTTP_PROXY: 'x' })).toBe('http://p:3128')
  expect(proxyOf('http://h', { http_proxy: 'socks5://me:pw@p:1080' })).toBe('socks5://me:pw@p:1080')
  expect(proxyOf('https://h', { HTTP_PROXY: 'http://p' })).toBeUndefined()
  expect(proxyOf('https://h', { HTTPS_PROXY: '' })).toBeUndefined()
  expect(proxyOf('https://h', { HTTPS_PROXY: 'ftp://p' })).toBeUndefined()
})

it.each<[string, string, boolean]>([
  ['https://localhost:6443', '', true],
  ['https://127.0.0.2:6443', '', true],
  ['https://[::1]:6443', '', true],
  ['https://a.example.com', '*', true],
  ['https://example.com', 'example.com', true],
  ['https://a.example.com', ' Example.com ,x', true],
  ['https://notexample.com', 'example.com', false],
  ['https://example.com', '.example.com', false],
  ['https://a.example.com', '.example.com', true],
  ['https://a.example.com', '*.example.com', true],
  ['https://example.com:6443', 'example.com:443', false],
  ['https://example.com', 'example.com:443', true],
  ['https://10.1.2.3:6443', '10.0.0.0/8', true],
  ['https://11.1.2.3:6443', '10.0.0.0/8', false],
  ['https://10.1.2.3:6443', '10.1.2.3:6443', true],
  ['https://10.1.2.3', '2.3', false],
  ['https://[fd00::5]:6443', 'fd00::/8', true],
  ['https://[fd00::5]:6443', '[fd00::5]:6443', true],
  ['https://[fe00::5]', 'fd00::/8', false],
  ['https://example.com', '10.0.0.0/99,/,:,[', false],
])('%s with NO_PROXY=%s', (server, list, direct) => {
  expect(proxyOf(server, { HTTPS_PROXY: 'http://p', NO_PROXY: list })).toBe(direct ? undefined : 'http://p')
})

it('knows what can be a proxy', () => {
  for (const good of ['http://p', 'https://p:1', 'socks5://p', 'socks5h://u:p@p'])
    expect(parseProxy(good)).toBeDefined()
  for (const bad of ['p:3128', 'file:///x', 'socks4://p', 'http://', ''])
    expect(parseProxy(bad)).toBeUndefined()
})
