import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Folders } from './platform'

/**
 * Where Berth keeps its few files: the XDG base directories on Linux, the system's own places on macOS and
 * Windows. Relative XDG values are ignored, as the specification says.
 */
export function nodeFolders(
  env: Readonly<Record<string, string | undefined>>,
  resources: string,
  platform: NodeJS.Platform = process.platform,
): Folders {
  const home = env.HOME || env.USERPROFILE || homedir()
  const temporary = tmpdir()
  if (platform === 'darwin') {
    const support = join(home, 'Library', 'Application Support', 'Berth')
    return {
      home,
      config: support,
      cache: join(home, 'Library', 'Caches', 'Berth'),
      state: join(support, 'state'),
      temporary,
      resources,
    }
  }
  if (platform === 'win32') {
    const local = env.LOCALAPPDATA ?? join(home, 'AppData', 'Local')
    return {
      home,
      config: join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Berth'),
      cache: join(local, 'Berth', 'cache'),
      state: join(local, 'Berth', 'state'),
      temporary,
      resources,
    }
  }
  const xdg = (name: string, fallback: string) => {
    const value = env[name]
    return join(value?.startsWith('/') ? value : join(home, fallback), 'berth')
  }
  return {
    home,
    config: xdg('XDG_CONFIG_HOME', '.config'),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
    state: xdg('XDG_STATE_HOME', '.local/state'),
    temporary,
    resources,
  }
}
