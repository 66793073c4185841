import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { type HostPort, hostEndpoint } from './host-port'

class FakePort extends EventEmitter implements HostPort {
  readonly posted: unknown[] = []
  readonly start = vi.fn()
  readonly close = vi.fn()
  postMessage(message: unknown) {
    this.posted.push(message)
  }
}

describe('hostEndpoint', () => {
  it('passes messages on with their ports as endpoints, and starts when somebody listens', () => {
    const port = new FakePort()
    const endpoint = hostEndpoint(port)
    expect(port.start).not.toHaveBeenCalled()
    const heard: unknown[] = []
    const stop = endpoint.onMessage((message, ports) => heard.push([message, ports.length]))
    endpoint.onMessage(() => undefined)
    expect(port.start).toHaveBeenCalledTimes(1)
    port.emit('message', { data: 'one', ports: [new FakePort()] })
    void stop()
    port.emit('message', { data: 'two', ports: [] })
    expect(heard).toEqual([['one', 1]])
  })

  it('sends bytes without the rest of the buffer that they lie in', () => {
    const port = new FakePort()
    const endpoint = hostEndpoint(port)
    const secret = Buffer.from('a secret and some bytes')
    endpoint.post({ type: 'data', data: secret.subarray(9, 12) })
    const sent = port.posted[0] as { type: string; data: Uint8Array }
    expect(sent.type).toBe('data')
    expect(Buffer.from(sent.data).toString()).toBe('and')
    expect(sent.data.buffer.byteLength).toBe(3)
    const whole = { type: 'data', data: new Uint8Array(5) }
    endpoint.post(whole)
    expect(port.posted[1]).toBe(whole)
  })

  it('tells of the end once, also those who ask late, and sends nothing afterwards', () => {
    const port = new FakePort()
    const endpoint = hostEndpoint(port)
    const closed = vi.fn()
    endpoint.onClose(closed)
    endpoint.close()
    port.emit('close')
    endpoint.close()
    expect(port.close).toHaveBeenCalledTimes(1)
    expect(closed).toHaveBeenCalledTimes(1)
    endpoint.post('late')
    expect(port.posted).toEqual([])
    const late = vi.fn()
    endpoint.onClose(late)
    expect(late).toHaveBeenCalledTimes(1)
  })
})
