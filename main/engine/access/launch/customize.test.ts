import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Customizations } from '#contract'
import type { ExecProcess, Link } from '../../link/link'
import { installExtensions, sshServers, wantedExtensions, writeSettings } from './customize'

const never = new AbortController().signal

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-customize-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A workspace that is this machine, with a home of its own. */
const link = {
  exec: async ({ command }: { readonly command: readonly string[] }) => {
    const [file = '', ...args] = command
    const child = spawn(file, args, { env: { PATH: process.env.PATH, HOME: home } })
    const exit = new Promise((resolve) => child.on('close', (code) => resolve({ code })))
    return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit } as unknown as ExecProcess
  },
} as unknown as Link

const vscode = (
  settings: NonNullable<Customizations['vscode']>['settings'],
  extensions: string[] = [],
): Customizations => ({ vscode: { settings, extensions } })
const file = (name = 'settings.json') => join(home, '.vscode-server/data/Machine', name)
const settings = () => JSON.parse(readFileSync(file(), 'utf8'))

describe('the settings of an editor', () => {
  it('are written before its server is there, and follow the definition', async () => {
    await writeSettings(link, vscode({ a: "it's", b: 1 }), [sshServers.vscode], never)
    expect(settings()).toEqual({ a: "it's", b: 1 })
    writeFileSync(file(), JSON.stringify({ ...settings(), b: 2, own: true }))
    await writeSettings(link, vscode({ a: 'other', b: 3 }), [sshServers.vscode], never)
    expect(settings()).toEqual({ a: 'other', b: 2, own: true })
    await writeSettings(link, vscode({}), [sshServers.vscode], never)
    expect(settings()).toEqual({ b: 2, own: true })
  })

  it('leave a file alone that cannot be read', async () => {
    mkdirSync(join(home, '.vscode-server/data/Machine'), { recursive: true })
    writeFileSync(file(), '{ "a": ')
    await writeSettings(link, vscode({ b: 1 }), [sshServers.vscode], never)
    expect(readFileSync(file(), 'utf8')).toBe('{ "a": ')
  })
})

describe('the extensions of an editor', () => {
  it('are those that are named, without those that are not wanted, and nothing that is no name', () => {
    const named = ['a.b', 'C.D', '-c.d', '--evil', 'e.f; rm', '$(x).y', 'g.h']
    expect(wantedExtensions(vscode({}, named))).toEqual(['a.b', 'g.h'])
    expect(wantedExtensions(undefined)).toEqual([])
  })

  it('are installed by its server, once that is there', async () => {
    await installExtensions(link, ['a.b', 'c.d'], sshServers.vscode, never)
    const bin = join(home, '.vscode-server/cli/servers/Stable-1/server/bin')
    mkdirSync(bin, { recursive: true })
    const program = join(bin, 'code-server')
    writeFileSync(`${program}.new`, `#!/bin/sh\necho "$@" >> ${home}/installed\n`)
    chmodSync(`${program}.new`, 0o755)
    renameSync(`${program}.new`, program)
    const installed = () => {
      try {
        return readFileSync(join(home, 'installed'), 'utf8')
      } catch {
        return ''
      }
    }
    await expect.poll(installed).toBe('--install-extension a.b\n--install-extension c.d\n')
  })

  it('are tried again where one fails', async () => {
    const bin = join(home, '.vscode-server/bin/abc/bin')
    mkdirSync(bin, { recursive: true })
    const program = join(bin, 'code-server')
    // It is still being unpacked.
    writeFileSync(program, `#!/bin/sh\necho "$@" >> ${home}/tried\n[ "$(wc -l < ${home}/tried)" -gt 1 ]\n`)
    chmodSync(program, 0o755)
    await installExtensions(link, ['a.b'], sshServers.vscode, never)
    await expect
      .poll(() => readFileSync(join(home, 'tried'), 'utf8'))
      .toBe('--install-extension a.b\n--install-extension a.b\n')
  })
})
