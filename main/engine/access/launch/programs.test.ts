import { describe, expect, it } from 'vitest'
import { openerIds } from '#contract'
import { commandFor } from './command'
import { findProgram, type Machine } from './programs'

/** A machine that has these programs, and nothing else. */
function machine(
  platform: NodeJS.Platform,
  programs: readonly string[],
  env: Machine['env'] = {},
): Machine & { readonly looked: string[] } {
  const looked: string[] = []
  return {
    platform,
    env,
    home: platform === 'win32' ? 'C:\\Users\\me' : '/home/me',
    looked,
    isProgram: async (path) => {
      looked.push(path)
      return programs.includes(path)
    },
  }
}

const windows = {
  LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local',
  ProgramFiles: 'C:\\Program Files',
  SystemRoot: 'C:\\Windows',
}

describe('a program of this machine', () => {
  it.each([
    ['linux', 'vscode', '/usr/bin/code'],
    ['linux', 'vscode', '/snap/bin/code'],
    ['linux', 'cursor', '/opt/tools/cursor'],
    ['linux', 'zed', '/home/me/.local/bin/zed'],
    ['linux', 'zed', '/usr/bin/zeditor'],
    ['linux', 'gateway', '/home/me/.local/share/JetBrains/Toolbox/apps/gateway/bin/gateway'],
    ['darwin', 'vscode', '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code'],
    ['darwin', 'windsurf', '/home/me/Applications/Windsurf.app/Contents/Resources/app/bin/windsurf'],
    ['darwin', 'zed', '/Applications/Zed.app/Contents/MacOS/cli'],
    ['win32', 'vscode', 'C:\\Users\\me\\AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe'],
    ['win32', 'vscode', 'C:\\Program Files\\Microsoft VS Code\\Code.exe'],
    ['win32', 'terminal', 'C:\\Windows\\System32\\conhost.exe'],
  ] as const)('is found on %s: %s at %s', async (platform, id, path) => {
    const env = platform === 'win32' ? windows : { PATH: '/opt/tools:/usr/bin' }
    expect((await findProgram(id, machine(platform, [path], env)))?.command).toBe(path)
    for (const other of openerIds) {
      if (other === 'browser' || other === id) continue
      expect(await findProgram(other, machine(platform, [path], env))).toBeUndefined()
    }
  })

  it('is looked for in no folder that depends on where Berth was started', async () => {
    const here = machine('linux', [], { PATH: ':.:bin:/usr/bin:/usr/bin' })
    await findProgram('vscode', here)
    expect(here.looked.every((path) => path.startsWith('/'))).toBe(true)
    expect(new Set(here.looked).size).toBe(here.looked.length)
  })

  it('is not there where the system does not say where its programs are', async () => {
    expect(await findProgram('vscode', machine('win32', [], {}))).toBeUndefined()
    expect(await findProgram('vscode', machine('freebsd', ['/usr/bin/code'], {}))).toBeUndefined()
  })

  it('is no batch file, which only a shell could run', async () => {
    const here = machine('win32', [], { ...windows, PATH: 'C:\\tools' })
    for (const id of openerIds) if (id !== 'browser') await findProgram(id, here)
    expect(here.looked.filter((path) => !path.endsWith('.exe'))).toEqual([])
  })

  it('opens sftp where file managers do', async () => {
    expect(await findProgram('files', machine('linux', ['/usr/bin/xdg-open']))).toEqual({
      command: '/usr/bin/xdg-open',
      args: [],
    })
    expect(await findProgram('files', machine('darwin', ['/usr/bin/open']))).toBeUndefined()
  })
})

describe('what opens a workspace', () => {
  const destination = {
    host: 'demo.berth',
    folder: '/workspaces/a b; rm -rf "$HOME"/#?%',
    sshConfig: '/home/me/it\'s "mine"/config',
  }
  const path = '/workspaces/a%20b%3B%20rm%20-rf%20%22%24HOME%22/%23%3F%25'
  const program = { command: '/usr/bin/program', args: [] }

  it.each([
    ['vscode', ['--folder-uri', `vscode-remote://ssh-remote+demo.berth${path}`]],
    ['cursor', ['--folder-uri', `vscode-remote://ssh-remote+demo.berth${path}`]],
    ['windsurf', ['--folder-uri', `vscode-remote://ssh-remote+demo.berth${path}`]],
    ['zed', [`ssh://demo.berth${path}`]],
    ['files', [`sftp://demo.berth${path}`]],
    ['gateway', []],
    ['terminal', ['ssh', '-F', destination.sshConfig, 'demo.berth']],
  ] as const)('is an argument vector in %s', (id, args) => {
    expect(commandFor(id, program, destination)).toEqual(['/usr/bin/program', ...args])
  })

  it('is one line for the shell in the Terminal of macOS, whatever is in it', () => {
    const osascript = { command: '/usr/bin/osascript', args: ['-e'] }
    const [, , script] = commandFor('terminal', osascript, destination)
    expect(script).toContain(`do script "'ssh' '-F' '/home/me/it'\\\\''s \\"mine\\"/config' 'demo.berth'"`)
  })
})
