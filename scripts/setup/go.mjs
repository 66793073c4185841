import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { find } from './programs.mjs'

/**
 * Where a Go may be: on PATH, where its own archive goes, where distributions put it.
 * @returns {string[]} paths of programs that are there, those to prefer first
 */
export function goCandidates() {
  const program = process.platform === 'win32' ? 'go.exe' : 'go'
  const distribution = foldersIn('/usr/lib').filter((name) => /^go(-[\d.]+)?$/.test(name))
  const places = [
    find('go'),
    join('/usr/local/go/bin', program),
    ...distribution.map((name) => join('/usr/lib', name, 'bin', program)),
  ]
  return [...new Set(places)].filter((place) => place !== undefined).filter((place) => existsSync(place))
}

/** @param {string} folder */
function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : []
}
