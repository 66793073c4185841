import type { OpenerId } from '#contract'

/** This machine, as programs are looked for on it. */
export interface Machine {
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** Whether there is a program at a path that this user may run. Never rejects. */
  isProgram(path: string): Promise<boolean>
}

/** A program that is there, with what its arguments begin with. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

/** Where a program may be, the best place first: names are looked for in PATH, all others are paths. */
type Places = Readonly<Partial<Record<NodeJS.Platform, readonly Place[]>>>
type Place = string | readonly [command: string, ...args: string[]]

/** An application in the folders of macOS, by the command in its bundle. */
const inApplications = (bundle: string, command: string): Place[] => [
  `/Applications/${bundle}.app/${command}`,
  `~/Applications/${bundle}.app/${command}`,
]
/** Batch files, which only a shell can run, are left out: what they would start is beside them. */
const onWindows = (...path: string[]): Place[] => [
  ['%LOCALAPPDATA%', 'Programs', ...path].join('\\'),
  ['%ProgramFiles%', ...path].join('\\'),
]

export const places: Readonly<Record<Exclude<OpenerId, 'browser'>, Places>> = {
  vscode: {
    linux: ['code', '/usr/share/code/bin/code', '/snap/bin/code'],
    darwin: inApplications('Visual Studio Code', 'Contents/Resources/app/bin/code'),
    win32: onWindows('Microsoft VS Code', 'Code.exe'),
  },
  cursor: {
    linux: ['cursor', '/usr/share/cursor/bin/cursor', '/opt/cursor/cursor'],
    darwin: inApplications('Cursor', 'Contents/Resources/app/bin/cursor'),
    win32: onWindows('cursor', 'Cursor.exe'),
  },
  windsurf: {
    linux: ['windsurf', '/usr/share/windsurf/bin/windsurf'],
    darwin: inApplications('Windsurf', 'Contents/Resources/app/bin/windsurf'),
    win32: onWindows('Windsurf', 'Windsurf.exe'),
  },
  zed: {
    linux: ['zed', 'zeditor', '~/.local/bin/zed', '/usr/lib/zed/zed-editor'],
    darwin: inApplications('Zed', 'Contents/MacOS/cli'),
    win32: onWindows('Zed', 'Zed.exe'),
  },
  gateway: {
    linux: [
      'jetbrains-gateway',
      '~/.local/share/JetBrains/Toolbox/apps/gateway/bin/gateway',
      '~/.local/share/JetBrains/Toolbox/scripts/gateway',
      '/opt/gateway/bin/gateway',
    ],
    darwin: inApplications('JetBrains Gateway', 'Contents/MacOS/gateway'),
    win32: [
      ...onWindows('Gateway', 'bin', 'gateway64.exe'),
      ...onWindows('JetBrains Gateway', 'bin', 'gateway64.exe'),
    ],
  },
  terminal: {
    linux: [
      ['gnome-terminal', '--'],
      ['kgx', '--'],
      ['ptyxis', '--'],
      ['konsole', '-e'],
      ['xfce4-terminal', '-x'],
      ['kitty'],
      ['alacritty', '-e'],
      ['ghostty', '-e'],
      ['wezterm', 'start', '--'],
      ['foot'],
      ['x-terminal-emulator', '-e'],
      ['xterm', '-e'],
    ],
    darwin: [['/usr/bin/osascript', '-e']],
    win32: [['%LOCALAPPDATA%\\Microsoft\\WindowsApps\\wt.exe'], ['%SystemRoot%\\System32\\conhost.exe']],
  },
  // Neither the Finder nor the Explorer opens sftp.
  files: { linux: [['gio', 'open'], ['xdg-open']] },
}

/** Finds a program; undefined where it is not there. */
export async function findProgram(
  id: Exclude<OpenerId, 'browser'>,
  machine: Machine,
): Promise<Program | undefined> {
  for (const place of places[id][machine.platform] ?? []) {
    const [command, ...args] = typeof place === 'string' ? [place] : place
    for (const path of pathsOf(command, machine))
      if (await machine.isProgram(path)) return { command: path, args }
  }
  return undefined
}

/** Folders that a session of the desktop may not have in its PATH, unlike a shell. */
const usual = ['/usr/local/bin', '/usr/bin', '/bin', '~/.local/bin']

function pathsOf(place: string, machine: Machine): string[] {
  const { env, home, platform } = machine
  if (place.startsWith('~/')) return [`${home}${place.slice(1)}`]
  const variable = /^%([A-Za-z]+)%(.*)$/.exec(place)
  if (variable) {
    const value = env[variable[1] ?? '']
    return value ? [value + (variable[2] ?? '')] : []
  }
  if (place.includes('/')) return [place]
  if (platform === 'win32') return []
  // Relative folders in PATH mean another thing in each folder.
  const inPath = (env.PATH ?? '').split(':').filter((folder) => folder.startsWith('/'))
  const folders = [...inPath, ...usual.map((folder) => folder.replace('~', home))]
  return [...new Set(folders)].map((folder) => `${folder}/${place}`)
}
