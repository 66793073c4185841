import { describe, expect, it } from 'vitest'
import { parseEndpoint, redact } from './endpoint'

describe('parseEndpoint', () => {
  it.each([
    ['unix:///var/run/docker.sock', { kind: 'unix', path: '/var/run/docker.sock' }],
    ['npipe:////./pipe/docker_engine', { kind: 'npipe', path: '\\\\.\\pipe\\docker_engine' }],
    ['tcp://10.0.0.1:2375', { kind: 'tcp', host: '10.0.0.1', port: 2375 }],
    ['tcp://host', { kind: 'tcp', host: 'host', port: 2375 }],
    ['tcp://host:80', { kind: 'tcp', host: 'host', port: 80 }],
    ['tcp://[::1]:2375', { kind: 'tcp', host: '::1', port: 2375 }],
    ['ssh://me@host:2222', { kind: 'ssh', destination: 'me@host', port: 2222 }],
    ['ssh://alias', { kind: 'ssh', destination: 'alias' }],
    [
      'ssh://host/run/user/1000/docker.sock',
      { kind: 'ssh', destination: 'host', socket: '/run/user/1000/docker.sock' },
    ],
  ])('%s', (address, expected) => {
    expect(parseEndpoint(address)).toEqual(expected)
  })

  it('takes the TLS port when there is TLS and no port', () => {
    expect(parseEndpoint('tcp://host', {})).toMatchObject({ port: 2376, tls: {} })
  })

  it.each([
    '',
    'nonsense',
    'unix://relative',
    'ftp://host',
    'ssh://me:secret@host',
    'ssh://-oProxyCommand=x',
    'ssh://-a@host',
  ])('refuses %s', (address) => {
    expect(() => parseEndpoint(address)).toThrow()
  })

  it('shows no password', () => {
    expect(redact('tcp://me:secret@host:1')).toBe('tcp://me@host:1')
  })
})
