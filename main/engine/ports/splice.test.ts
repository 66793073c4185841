import { once } from 'node:events'
import net from 'node:net'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { splice } from './splice'

it('resets a client whose connection was broken before it was joined to it', async () => {
  const server = net.createServer({ allowHalfOpen: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  try {
    const client = net.connect({ port, host: '127.0.0.1' })
    const [socket] = (await once(server, 'connection')) as [net.Socket]
    const broken = new PassThrough()
    broken.destroy()
    await once(broken, 'close')
    const failed = once(client, 'error') as Promise<[NodeJS.ErrnoException]>
    splice(socket, broken)
    const [error] = await failed
    expect(error.code).toBe('ECONNRESET')
  } finally {
    server.close()
  }
})
