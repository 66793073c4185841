import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../platform/logger'
import { createLocalExec } from '../../shared/dial/local-exec'
import { ListeningLook, LOOK_COMMAND, whoListens } from './listening'

const never = new AbortController().signal

describe('who listens', () => {
  const line = (local: string, state: string, remote = '00000000:0000') =>
    `  sl  local_address rem_address   st\n   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000`

  it.each([
    ['127.0.0.1', '0100007F:1F90', 'version4'],
    ['127.0.0.1 of a big-endian machine', '7F000001:1F90', 'version4'],
    ['0.0.0.0', '00000000:1F90', 'version4'],
    ['[::]', '00000000000000000000000000000000:1F90', 'version4'],
    ['[::ffff:127.0.0.1]', '0000000000000000FFFF00000100007F:1F90', 'version4'],
    ['[::ffff:0.0.0.0]', '0000000000000000FFFF000000000000:1F90', 'version4'],
    ['[::1]', '00000000000000000000000001000000:1F90', 'version6'],
    ['an address that is not localhost', '050011AC:1F90', 'nobody'],
    ['another port', '0100007F:1F91', 'nobody'],
  ])('%s', (_, local, expected) => {
    expect(whoListens(line(local, '0A'), 8080)).toBe(expected)
  })

  it('prefers 127.0.0.1 to ::1', () => {
    const both = `${line('00000000000000000000000001000000:1F90', '0A')}\n${line('0100007F:1F90', '0A')}`
    expect(whoListens(both, 8080)).toBe('version4')
  })

  it('takes what is connected over localhost for unclear, whichever end it is', () => {
    expect(whoListens(line('0100007F:1F90', '01', '0100007F:C000'), 8080)).toBe('unclear')
    expect(whoListens(line('0100007F:C000', '08', '0100007F:1F90'), 8080)).toBe('unclear')
  })

  it('takes neither what is over, nor the way to another machine, for a sign', () => {
    expect(whoListens(line('0100007F:1F90', '06', '0100007F:C000'), 8080)).toBe('nobody')
    expect(whoListens(line('0100007F:C000', '02', '0100007F:1F90'), 8080)).toBe('nobody')
    expect(whoListens(line('050011AC:C000', '01', '08080808:1F90'), 8080)).toBe('nobody')
  })
})

describe('a look', () => {
  it('sees listeners of this machine come and go, by one process', async () => {
    const { exec, pids } = createLocalExec()
    let started = 0
    const look = new ListeningLook((signal) => {
      started++
      return exec('here', { command: LOOK_COMMAND }, signal)
    }, silentLogger)
    const server = net.createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as net.AddressInfo
    const found = await Promise.all(Array.from({ length: 50 }, () => look.look(port)))
    expect(found).toEqual(found.map(() => 'version4'))
    await new Promise((resolve) => server.close(resolve))
    expect(await look.look(port)).toBe('nobody')
    expect(started).toBe(1)
    look.rest()
    expect(pids.size).toBe(1)
    look.rest()
    while (pids.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await look.look(port)).toBe('nobody')
    expect(started).toBe(2)
    look.dispose()
    while (pids.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await look.look(port)).toBeUndefined()
  })

  it('finds out nothing where nothing can be started, and does not fail', async () => {
    const look = new ListeningLook(() => Promise.reject(new Error('forbidden')), silentLogger)
    expect(await look.look(80)).toBeUndefined()
    const { exec } = createLocalExec()
    const wrong = new ListeningLook(
      () => exec('here', { command: ['sh', '-c', 'exit 127'] }, never),
      silentLogger,
    )
    expect(await wrong.look(80)).toBeUndefined()
  })
})
