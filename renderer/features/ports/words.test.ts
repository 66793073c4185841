import { expect, test } from 'vitest'
import type { Port } from '#contract'
import { doubtText, noPorts, portAddress, portStateText } from './words'

const port: Port = {
  id: 'w000000001:80',
  workspaceId: 'w000000001',
  port: 80,
  origin: 'detected',
  listeners: [],
  protocol: 'http',
  onAutoForward: 'notify',
  state: 'live',
  seenAt: 0,
}
const forward = { localAddress: '127.0.0.1', localPort: 8080, connections: 0 }

test('a port that is not forwarded is called listening, not live', () => {
  expect(portStateText(port)).toBe('Listening')
  expect(portStateText({ ...port, forward })).toBe('Live')
  expect(portStateText({ ...port, forward, state: 'not-listening' })).toBe('Nothing listens now')
})

test('a doubt is told, and nothing where there is none', () => {
  expect(doubtText(port)).toBeUndefined()
  expect(doubtText({ ...port, doubt: 'random', state: 'failed' })).toBeUndefined()
  expect(doubtText({ ...port, doubt: 'random' })?.short).toContain('helper')
  expect(doubtText({ ...port, doubt: 'no-process' })?.short).toContain('not from here')
})

test('a browser gets the URL, else the local address, and nothing for what it cannot speak to', () => {
  expect(portAddress(port)).toBeUndefined()
  expect(portAddress({ ...port, forward: { ...forward, url: 'http://a/' } })).toBe('http://a/')
  expect(portAddress({ ...port, forward, protocol: 'https' })).toBe('https://127.0.0.1:8080/')
  expect(portAddress({ ...port, forward, protocol: 'tcp' })).toBeUndefined()
})

test('that nothing is seen is not told as nothing being there', () => {
  expect(noPorts(true, undefined, true).title).toBe('Nothing listens yet')
  expect(noPorts(true, 'no-shell', true).title).toBe('No port is forwarded yet')
  expect(noPorts(true, 'target-unreachable', true).title).toBe('What listens is not known')
  expect(noPorts(false, undefined, true).title).toBe('No ports')
  expect(noPorts(true, undefined, false).text).toContain('switched off in Settings')
})
