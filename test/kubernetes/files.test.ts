import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { extract, pack } from 'tar-stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ExecDependencies, startExec } from '../../main/engine/drivers/kubernetes/streams/exec'
import { readPath, writePath } from '../../main/engine/drivers/kubernetes/streams/files'
import { TEST_IMAGES } from '../harness/images'
import { startPod, without } from './pods'
import { dependenciesOf, MEBIBYTE, never, outcome, sh, streamPods, until } from './stream-pods'

const on = streamPods()

describe('files', () => {
  let dependencies: ExecDependencies

  beforeAll(() => {
    dependencies = dependenciesOf(on.client)
  })

  describe.each([
    ['spdy', 'websocket'],
    ['websocket', 'spdy'],
  ] as const)('over %s', (_, blocked) => {
    it.each([
      ['root in debian', () => on.pod, '1000:1000'],
      ['a user in debian', () => on.userPod, '1000:1000'],
      ['busybox', () => on.smallPod, '1000:1000'],
    ])('go in and out again with owner, mode and exact bytes (%s)', async (_who, where, owner) => {
      const place = { pod: where(), container: 'main' }
      const limited = dependenciesOf(without(on.client, blocked))
      const content = randomBytes(3 * MEBIBYTE)
      const tar = pack()
      tar.entry({ name: 'in/', type: 'directory', uid: 1000, gid: 1000, mode: 0o750 })
      tar.entry({ name: 'in/\u00fc ö.bin', uid: 1000, gid: 1000, mode: 0o640 }, content)
      tar.entry({ name: 'in/link', type: 'symlink', linkname: '\u00fc ö.bin', uid: 1000, gid: 1000 })
      tar.entry({ name: 'in/empty', uid: 1000, gid: 1000 }, '')
      tar.finalize()
      await writePath(limited, place, '/tmp', tar, never)
      const look = await startExec(
        limited,
        place.pod,
        'main',
        { command: sh('cd /tmp/in && stat -c "%u:%g %a" . *.bin && readlink link') },
        never,
      )
      expect((await outcome(look)).stdout).toBe(`${owner} 750\n${owner} 640\n\u00fc ö.bin\n`)
      const found = new Map<string, Buffer>()
      for await (const entry of (await readPath(limited, place, '/tmp/in', never)).pipe(extract())) {
        found.set(entry.header.name, await buffer(entry))
      }
      expect([...found.keys()].sort()).toEqual(['in/', 'in/empty', 'in/link', 'in/\u00fc ö.bin'])
      expect(found.get('in/\u00fc ö.bin')?.equals(content)).toBe(true)
    })
  })

  it('that are not there are said', async () => {
    const place = { pod: on.pod, container: 'main' }
    await expect(readPath(dependencies, place, '/no/such/thing', never)).rejects.toMatchObject({
      problem: { code: 'file-not-found' },
    })
    for (const folder of ['/no/such/folder', '/etc/passwd']) {
      const tar = pack()
      tar.finalize()
      await expect(writePath(dependencies, place, folder, tar, never)).rejects.toMatchObject({
        problem: { code: 'file-not-found' },
      })
      expect(tar.destroyed).toBe(true)
    }
  })

  it('that the user may not write or read are said, and what an image without tar cannot do', async () => {
    const tar = pack()
    tar.entry({ name: 'x' }, 'x')
    tar.finalize()
    await expect(
      writePath(dependencies, { pod: on.userPod, container: 'main' }, '/etc', tar, never),
    ).rejects.toMatchObject({ problem: { code: 'permission-denied' } })
    const scratch = await startPod(on.cluster, on.namespace.name, { image: TEST_IMAGES.scratch })
    await expect(
      readPath(dependencies, { pod: scratch, container: 'main' }, '/busybox', never),
    ).rejects.toMatchObject({ problem: { code: 'unsupported' } })
  })

  it('whose source breaks, or that are aborted, reject and leave no tar running', async () => {
    const place = { pod: on.pod, container: 'main' }
    const broken = new Readable({
      read() {
        this.destroy(new Error('the source broke'))
      },
    })
    await expect(writePath(dependencies, place, '/tmp', broken, never)).rejects.toMatchObject({
      problem: { code: 'connection-lost', detail: 'the source broke' },
    })
    const endless = pack()
    const sink = endless.entry({ name: 'endless', size: 1e12 })
    const timer = setInterval(() => sink.write(Buffer.alloc(65_536)), 5)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 1_500)
    await expect(writePath(dependencies, place, '/tmp', endless, controller.signal)).rejects.toMatchObject({
      problem: { code: 'cancelled' },
    })
    clearInterval(timer)
    expect(endless.destroyed).toBe(true)
    const stream = await readPath(dependencies, place, '/usr', never)
    await once(stream, 'readable')
    stream.destroy()
    await until(
      async () => {
        const look = await startExec(dependencies, on.pod, 'main', { command: ['pgrep', 'tar'] }, never)
        return (await outcome(look)).stdout === ''
      },
      () => 'a tar still runs',
    )
  })
})
