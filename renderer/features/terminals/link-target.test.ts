import { describe, expect, it } from 'vitest'
import type { Port } from '#contract'
import { addressOf, linkTarget } from './link-target'

const ports = [
  {
    port: 5173,
    forward: { localAddress: '127.0.0.1', localPort: 5174, url: 'http://5173-demo.localhost:7080/' },
  },
  { port: 5432, forward: { localAddress: '127.0.0.1', localPort: 5432 } },
  { port: 9000 },
] as unknown as Port[]

describe('where a link leads', () => {
  it('is the forwarded address for a server of the workspace', () => {
    for (const host of ['localhost', '127.0.0.1', '0.0.0.0', '[::1]'])
      expect(linkTarget(`http://${host}:5173/a?b=c#d`, ports)).toEqual({
        kind: 'address',
        url: 'http://5173-demo.localhost:7080/a?b=c#d',
      })
    expect(linkTarget('https://localhost:5173/', ports)).toEqual({
      kind: 'address',
      url: 'https://127.0.0.1:5174/',
    })
    expect(linkTarget('http://localhost:5432/x', ports)).toEqual({
      kind: 'address',
      url: 'http://127.0.0.1:5432/x',
    })
  })

  it('is a port to forward where none is yet', () => {
    expect(linkTarget('http://localhost:9000/x', ports)).toEqual({ kind: 'port', port: 9000, rest: '/x' })
    expect(linkTarget('http://localhost/x', ports)).toEqual({ kind: 'port', port: 80, rest: '/x' })
    expect(addressOf({ localPort: 9001, url: 'http://9000-demo.localhost:7080/' }, 'http:', '/x')).toBe(
      'http://9000-demo.localhost:7080/x',
    )
  })

  it('is itself anywhere else, and nowhere for what is no web address', () => {
    expect(linkTarget('https://example.org/a', ports)).toEqual({
      kind: 'address',
      url: 'https://example.org/a',
    })
    for (const text of ['file:///etc/passwd', 'javascript:alert(1)', 'ssh://host', 'nonsense', ''])
      expect(linkTarget(text, ports)).toBeUndefined()
  })
})
