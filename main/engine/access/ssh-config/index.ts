import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { problem, type SshConfigStatus } from '#contract'
import type { Platform } from '../../platform/platform'
import { readKeyFiles, type SshPaths, sshPaths, writeWhole } from '../keys/key-files'
import { configText, configWord, knownHostsText } from './config-text'
import { addInclude, hasInclude, type Made, removeInclude } from './include'

/** Makes the OpenSSH client of this machine know workspaces by name. */
export interface SshConfig {
  /** Writes Berth's own files, if they are not what they should be. Rejects with a `ProblemError`. */
  prepare(): Promise<SshPaths>
  status(): Promise<SshConfigStatus>
  /** Adds the one line to the user's own configuration, and makes what it names. */
  install(): Promise<SshConfigStatus>
  /** Takes the line out, and leaves every other byte as it is. */
  remove(): Promise<SshConfigStatus>
}

export function createSshConfig({ commandLine, folders }: Platform): SshConfig {
  const paths = sshPaths(folders.config)
  const file = join(folders.home, '.ssh', 'config')
  /** Remembers what was made for the line to be in it. */
  const memory = join(paths.folder, 'include.json')
  const line = () => `Include ${configWord(paths.config, process.platform)}`

  async function prepare(): Promise<SshPaths> {
    if (!commandLine) throw noCommandLine()
    const { hostKey } = await readKeyFiles(folders.config)
    const text = configText({ paths, hostKey, commandLine, platform: process.platform })
    await writeWhole(paths.knownHosts, knownHostsText(hostKey))
    await writeWhole(paths.config, text)
    return paths
  }

  async function status(): Promise<SshConfigStatus> {
    return { isInstalled: await hasInclude(file, line()), file, line: line() }
  }

  return {
    prepare,
    status,
    async install() {
      await prepare()
      if (!(await hasInclude(file, line()))) {
        const made = await addInclude(file, line())
        if (made) await writeWhole(memory, JSON.stringify({ made }))
      }
      return status()
    },
    async remove() {
      await removeInclude(file, line(), await readMade(memory))
      await rm(memory, { force: true })
      return status()
    },
  }
}

async function readMade(memory: string): Promise<Made> {
  try {
    const { made } = JSON.parse(await readFile(memory, 'utf8')) as { readonly made?: unknown }
    return made === 'file' || made === 'folder' ? made : undefined
  } catch {
    // Nothing was made.
    return undefined
  }
}

function noCommandLine() {
  return problem({
    code: 'unsupported',
    title: "OpenSSH cannot be told how to reach Berth's workspaces",
    cause: "Berth's command line, which OpenSSH runs for that, was not found on this machine.",
    remedy: 'Install Node 20.19 or newer, build Berth, and start it anew.',
  })
}
