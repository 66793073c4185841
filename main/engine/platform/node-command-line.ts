import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** No screen is asked for, nothing is drawn, and Chromium keeps its own troubles to itself. */
const silent: readonly string[] = [
  ...(process.platform === 'linux' ? ['--ozone-platform=headless'] : []),
  '--disable-gpu',
  '--log-level=3',
]

/**
 * What runs Berth's command line on this machine: Node and a script; else the application itself, which says in its
 * environment where it is. Undefined where there is neither. `resources` is the folder of the files shipped with Berth.
 */
export function findCommandLine(
  env: Readonly<Record<string, string | undefined>>,
  resources: string,
): readonly string[] | undefined {
  const script = join(resources, '..', 'out', 'cli', 'berth.js')
  const node = nodeOf(env)
  if (node !== undefined && existsSync(script)) return [node, script]
  const application = env.BERTH_APPLICATION
  return application ? [application, ...silent, '--command-line'] : undefined
}

/** Electron is no Node for others: packages switch that off. */
function nodeOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (!process.versions.electron) return process.execPath
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const inPath = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, name))
  // npm says which Node it runs on, and so does whatever it started.
  return [env.npm_node_execpath ?? '', ...inPath].find((file) => file !== '' && isExecutable(file))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
