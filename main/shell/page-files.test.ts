import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PageFile, servePageFiles } from './page-files'

let folder: string
let serve: (method: string, url: string) => Promise<PageFile>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-page-'))
  await mkdir(join(folder, 'renderer', 'assets'), { recursive: true })
  await mkdir(join(folder, 'renderer-too'))
  await writeFile(join(folder, 'secret.js'), 'secret')
  await writeFile(join(folder, 'renderer-too', 'a.js'), 'neighbour')
  await writeFile(join(folder, 'renderer', 'index.html'), '<!doctype html>')
  await writeFile(join(folder, 'renderer', 'assets', 'a b.js'), 'let a')
  await writeFile(join(folder, 'renderer', 'assets', 'thing.xyz'), '?')
  await symlink(join(folder, 'secret.js'), join(folder, 'renderer', 'out.js'))
  await symlink(join(folder, 'renderer-too'), join(folder, 'renderer', 'too'))
  serve = servePageFiles(join(folder, 'renderer'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** As Electron hands over an address: normalised. */
const get = (path: string) => serve('GET', new URL(`app://berth${path}`).href)
const textOf = (file: PageFile) => file.body.toString('utf8')

describe('servePageFiles', () => {
  it('serves the page at / and by name, with its kind and the content policy', async () => {
    for (const path of ['/', '/index.html']) {
      const response = await get(path)
      expect(response.status).toBe(200)
      expect(response.headers['content-type']).toBe('text/html; charset=utf-8')
      expect(response.headers['content-security-policy']).toContain("default-src 'none'")
      expect(response.headers['x-content-type-options']).toBe('nosniff')
      expect(textOf(response)).toBe('<!doctype html>')
    }
  })

  it('decodes names and never guesses a kind', async () => {
    const script = await get('/assets/a%20b.js')
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(textOf(script)).toBe('let a')
    expect((await get('/assets/thing.xyz')).headers['content-type']).toBe('application/octet-stream')
  })

  it.each([
    ['/..%2fsecret.js', 403],
    ['/%2e%2e%2fsecret.js', 403],
    ['/assets/..%2f..%2fsecret.js', 403],
    ['/..%2frenderer-too%2fa.js', 403],
    ['/out.js', 403],
    ['/too/a.js', 403],
    ['/../secret.js', 404],
    ['/..%5csecret.js', 400],
    ['/index.html%00.js', 400],
    ['/%ff', 400],
    ['/missing.js', 404],
    ['/assets', 404],
    ['/index.html/more', 404],
    [`/${'a'.repeat(5000)}`, 404],
  ])('%s is refused with %i', async (path, status) => {
    const response = await get(path)
    expect(response.status).toBe(status)
    expect(textOf(response)).toBe('')
  })

  it('refuses other hosts, other schemes and other methods', async () => {
    expect((await serve('GET', 'app://elsewhere/index.html')).status).toBe(400)
    expect((await serve('GET', 'app://berth.evil/index.html')).status).toBe(400)
    expect((await serve('GET', 'http://berth/index.html')).status).toBe(400)
    expect((await serve('POST', 'app://berth/index.html')).status).toBe(405)
  })
})
