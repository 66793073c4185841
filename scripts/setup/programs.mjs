import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/**
 * @typedef {object} Options
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeout] milliseconds, then it is killed
 * @property {boolean} [show] pass its output on to stderr as it comes
 */

/** @typedef {{ code: number | null, output: string, timedOut: boolean }} Outcome `code` is null if it was killed or could not be started */

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Options} [options]
 * @returns {Promise<Outcome>} with stdout and stderr together
 */
export function run(command, args, { cwd, env, timeout, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    /** @type {Buffer[]} */
    const chunks = []
    let timedOut = false
    const take = (/** @type {Buffer} */ chunk) => {
      chunks.push(chunk)
      if (show) process.stderr.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const timer = timeout
      ? setTimeout(() => {
          timedOut = true
          child.kill('SIGKILL')
        }, timeout)
      : undefined
    const finish = (/** @type {number | null} */ code, /** @type {string} */ more) => {
      clearTimeout(timer)
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') + more, timedOut })
    }
    child.once('error', (error) => finish(null, error.message))
    child.once('close', (code) => finish(code, ''))
  })
}

/** @param {string} name @returns {string | undefined} its path, as the shell would find it */
export function find(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : ['']
  for (const folder of folders.filter(Boolean)) {
    for (const ending of endings) {
      const path = join(folder, name + ending)
      if (existsSync(path)) return path
    }
  }
  return undefined
}

/**
 * npm as a file that Node can run: what runs this script, or what lies beside Node.
 * @returns {string}
 */
export function npmCli() {
  const named = process.env.npm_execpath
  const found = find('npm')
  const candidates = [
    named && /npm-cli\.[cm]?js$/.test(named) ? named : '',
    join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js'),
    join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js'),
    found ? join(dirname(found), '../lib/node_modules/npm/bin/npm-cli.js') : '',
    '/usr/share/nodejs/npm/bin/npm-cli.js',
  ]
  const path = candidates.find((candidate) => candidate !== '' && existsSync(candidate))
  if (!path) throw new Error('npm is not found beside Node: install it, for instance from https://nodejs.org')
  return path
}

/** @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
