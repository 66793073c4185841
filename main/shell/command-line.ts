import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'

/** What the application is started with to be Berth's command line, without a window. All behind it is for that. */
const COMMAND_LINE = '--command-line'

/**
 * What the command line is asked for; undefined where the application is to be itself. It is no command line behind
 * anything but switches, so that an address which the system hands over can ask for nothing.
 */
export function commandLineArguments(argv: readonly string[]): readonly string[] | undefined {
  const at = argv.indexOf(COMMAND_LINE)
  if (at < 0) return undefined
  // Without a package the application's folder comes first.
  const before = argv.slice(app.isPackaged ? 1 : 2, at)
  return before.every((word) => word.startsWith('--')) ? argv.slice(at + 1) : undefined
}

/** Runs the command line in this process, which ends with its exit code. */
export async function runCommandLine(entry: string, args: readonly string[]): Promise<void> {
  // Chromium keeps a folder for each process of its own.
  app.setPath('userData', join(dirname(app.getPath('userData')), 'command-line'))
  if (process.platform === 'darwin') app.setActivationPolicy('prohibited')
  process.argv.splice(0, process.argv.length, process.execPath, entry, ...args)
  await import(pathToFileURL(entry).href)
}

/** Says to all that this process starts how its command line is reached, where there is no other. */
export function announceApplication(): void {
  // What an AppImage runs lies in a folder that goes with it.
  if (app.isPackaged) process.env.BERTH_APPLICATION = process.env.APPIMAGE ?? app.getPath('exe')
}
