import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where this machine gets its own Debian packages from; nothing: from where its tools do by themselves. @returns {string | undefined} */
export function debianMirror() {
  const folder = '/etc/apt/sources.list.d'
  const files = ['/etc/apt/sources.list']
  if (existsSync(folder)) files.push(...readdirSync(folder).map((name) => join(folder, name)))
  for (const file of files) {
    if (!existsSync(file)) continue
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, address] = /^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S*\/debian)\/?(?:\s|$)/.exec(line) ?? []
      if (address) return address
    }
  }
  return undefined
}
