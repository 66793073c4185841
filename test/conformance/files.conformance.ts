import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { extract, type Headers, pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver } from '../../main/engine/drivers/driver'
import { type DriverHarness, makeWorkspace, never, Recorder, run, sh } from './harness'

interface Entry {
  readonly header: Headers
  readonly content: Buffer
}

export function filesConformance(harness: DriverHarness): void {
  describe('read and write', () => {
    let driver: Driver
    let id: string

    beforeAll(async () => {
      driver = harness.open()
      id = (await makeWorkspace(driver, harness.images.full, { definition: { remoteUser: 'dev' } })).id
    })
    afterAll(async () => {
      await driver.remove(id, new Recorder(), never)
      await driver.dispose()
      expect(await harness.leftovers(id)).toEqual([])
    })

    it('brings files in and out again with owner, mode and exact bytes', async () => {
      const content = randomBytes(30 * 1024 * 1024)
      const tar = pack()
      tar.entry({ name: 'in/', type: 'directory', uid: 1000, gid: 1000, mode: 0o750 })
      tar.entry({ name: 'in/\u00fc ö.bin', uid: 1000, gid: 1000, mode: 0o640 }, content)
      tar.entry({ name: 'in/link', type: 'symlink', linkname: '\u00fc ö.bin' })
      tar.entry({ name: 'in/empty', uid: 1000, gid: 1000 }, '')
      tar.finalize()
      await driver.write(id, '/workspaces/app', tar, never)
      const { stdout } = await run(
        driver,
        id,
        sh('cd /workspaces/app/in && stat -c "%U %a" . *.bin && cat *.bin | sha256sum && readlink link'),
      )
      const digest = createHash('sha256').update(content).digest('hex')
      expect(stdout).toBe(`dev 750\ndev 640\n${digest}  -\n\u00fc ö.bin\n`)
      const entries = await untar(await driver.read(id, '/workspaces/app/in', never))
      expect(entries.map((entry) => entry.header.name).sort()).toEqual([
        'in/',
        'in/empty',
        'in/link',
        'in/\u00fc ö.bin',
      ])
      const back = entries.find((entry) => entry.header.name.endsWith('.bin'))
      expect(back?.content.equals(content)).toBe(true)
      expect(back?.header.uid).toBe(1000)
      // Some engines add the file's kind to the mode's bits.
      expect((back?.header.mode ?? 0) & 0o7777).toBe(0o640)
    })

    it('works while the workspace is stopped, source and home included', async () => {
      await driver.stop(id, { grace: 1000 }, new Recorder(), never)
      const tar = pack()
      tar.entry({ name: 'while-stopped', uid: 1000, gid: 1000 }, 'yes')
      tar.finalize()
      await driver.write(id, '/home/dev', tar, never)
      const [entry] = await untar(await driver.read(id, '/home/dev/while-stopped', never))
      expect(entry?.content.toString()).toBe('yes')
      await driver.start(id, new Recorder(), never)
      expect((await run(driver, id, sh('cat /home/dev/while-stopped'))).stdout).toBe('yes')
    })

    it('says what is not there', async () => {
      await expect(driver.read(id, '/no/such/thing', never)).rejects.toMatchObject({
        problem: { code: 'file-not-found' },
      })
      const tar = pack()
      tar.finalize()
      await expect(driver.write(id, '/no/such/folder', tar, never)).rejects.toMatchObject({
        problem: { code: 'file-not-found' },
      })
      await expect(driver.read('tnotthere2', '/etc', never)).rejects.toMatchObject({
        problem: { code: 'workspace-gone' },
      })
    })

    it('rejects when the stream that it is given breaks, and when it is aborted', async () => {
      const broken = new Readable({
        read() {
          this.destroy(new Error('the source broke'))
        },
      })
      await expect(driver.write(id, '/tmp', broken, never)).rejects.toMatchObject({
        problem: { code: 'connection-lost', detail: 'the source broke' },
      })
      const endless = pack()
      const sink = endless.entry({ name: 'endless', size: 1e12 })
      const timer = setInterval(() => sink.write(Buffer.alloc(65_536)), 5)
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 300)
      await expect(driver.write(id, '/tmp', endless, controller.signal)).rejects.toMatchObject({
        problem: { code: 'cancelled' },
      })
      clearInterval(timer)
      expect(endless.destroyed).toBe(true)
    })

    it('stops reading when nobody wants the rest', async () => {
      const stream = await driver.read(id, '/usr', never)
      await new Promise((resolve) => stream.once('readable', resolve))
      stream.destroy()
      expect((await run(driver, id, sh('echo fine'))).stdout).toBe('fine\n')
    })
  })
}

async function untar(stream: Readable): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of stream.pipe(extract())) {
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    entries.push({ header: entry.header, content: Buffer.concat(chunks) })
  }
  return entries
}
