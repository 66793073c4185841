import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { cache } from './folders.mjs'
import { find, isAlive, run } from './programs.mjs'
import { say, step } from './say.mjs'
import { canInstall, ensurePackages, packagesFor } from './system-packages.mjs'

/**
 * `started` is there if this call started the engine: its pid, to stop it again.
 * @typedef {{ ok: boolean, started?: { pid: number } }} DockerOutcome
 */

const systemSocket = '/var/run/docker.sock'

/** @returns {string[]} local sockets on which an engine may listen, the usual one first */
function sockets() {
  const named = process.env.DOCKER_HOST
  if (named?.startsWith('unix://')) return [named.slice('unix://'.length)]
  return [
    systemSocket,
    join(homedir(), '.docker/run/docker.sock'),
    join(process.env.XDG_RUNTIME_DIR ?? '/nowhere', 'docker.sock'),
  ]
}

/**
 * Asks an engine whether it is there.
 * @param {string} socketPath
 * @returns {Promise<'answers' | 'forbidden' | 'silent'>}
 */
function ping(socketPath) {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume()
      resolve('answers')
    })
    asked.once('timeout', () => asked.destroy(new Error('timeout')))
    asked.once('error', (error) =>
      resolve(/** @type {NodeJS.ErrnoException} */ (error).code === 'EACCES' ? 'forbidden' : 'silent'),
    )
    asked.end()
  })
}

/**
 * Sees to it that a Docker engine answers, as far as this user can; else says what is missing and how to get it.
 * Berth starts all the same and shows the target as unreachable.
 * @returns {Promise<DockerOutcome>}
 */
export async function ensureDocker() {
  // The user named an engine elsewhere: it is not ours to start, and Berth reports on it.
  const named = process.env.DOCKER_HOST
  if (named && !named.startsWith('unix://')) return { ok: true }
  let forbidden = false
  for (const socket of sockets()) {
    const state = await ping(socket)
    if (state === 'answers') return { ok: true }
    forbidden ||= state === 'forbidden'
  }
  if (forbidden) {
    say('Docker runs, but you may not use it: sudo usermod -aG docker "$USER", then log in again')
    return { ok: false }
  }
  if (process.platform !== 'linux') {
    say('Docker does not answer: install and start Docker Desktop, https://docs.docker.com/get-docker/')
    return { ok: false }
  }
  if (process.getuid?.() !== 0 || named) {
    say(
      find('dockerd')
        ? 'Docker does not answer: sudo systemctl start docker (or: sudo dockerd)'
        : 'Docker is missing: sudo apt-get install docker.io, or see https://docs.docker.com/engine/install/',
    )
    return { ok: false }
  }
  if (canInstall()) await ensurePackages(packagesFor.docker, 'Docker')
  const dockerd = find('dockerd')
  if (!dockerd) {
    say('Docker is missing: see https://docs.docker.com/engine/install/')
    return { ok: false }
  }
  return step('starting Docker', () => startDaemon(dockerd))
}

/** @param {string} dockerd @returns {Promise<DockerOutcome>} */
async function startDaemon(dockerd) {
  if (existsSync('/run/systemd/system')) {
    const { code, output } = await run('systemctl', ['start', 'docker'], { timeout: 120_000 })
    if (code === 0 && (await answersWithin(60_000, () => true))) return { ok: true }
    say(`systemctl start docker failed: ${output.trim()}`)
    return { ok: false }
  }
  await mountControlGroups()
  removeStalePid('/var/run/docker.pid')
  mkdirSync(cache, { recursive: true })
  const log = join(cache, 'dockerd.log')
  const output = openSync(log, 'w')
  const child = spawn(dockerd, [`--host=unix://${systemSocket}`], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  child.once('error', (error) => say(error.message))
  child.unref()
  const { pid } = child
  if (pid !== undefined && (await answersWithin(60_000, () => child.exitCode === null))) {
    return { ok: true, started: { pid } }
  }
  if (child.exitCode === null) child.kill('SIGTERM')
  say(
    `Docker does not start. The end of ${log}:\n${readFileSync(log, 'utf8').trim().split('\n').slice(-8).join('\n')}`,
  )
  return { ok: false }
}

/** @param {number} milliseconds @param {() => boolean} isRunning */
async function answersWithin(milliseconds, isRunning) {
  const deadline = Date.now() + milliseconds
  while (isRunning() && Date.now() < deadline) {
    if ((await ping(systemSocket)) === 'answers') return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

/** A pid file of a daemon that died keeps the next from starting once another process has its number. @param {string} path */
function removeStalePid(path) {
  let pid
  try {
    pid = Number(readFileSync(path, 'utf8'))
  } catch {
    return
  }
  const name = isAlive(pid) ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : ''
  if (name !== 'dockerd') rmSync(path, { force: true })
}

/** In a bare machine without an init system nobody has mounted the control groups that Docker needs. */
async function mountControlGroups() {
  const mounted = readFileSync('/proc/mounts', 'utf8')
  if (/ cgroup2 \/sys\/fs\/cgroup /.test(mounted) || / cgroup [^\n]*\bmemory\b/.test(mounted)) return
  const controllers = readFileSync('/proc/cgroups', 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split('\t'))
  const unified = controllers.every(([, hierarchy]) => hierarchy === '0')
  if (unified) {
    await run('mount', ['-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup'])
    return
  }
  if (!/ \/sys\/fs\/cgroup tmpfs /.test(mounted)) {
    await run('mount', ['-t', 'tmpfs', '-o', 'uid=0,gid=0,mode=0755', 'cgroup', '/sys/fs/cgroup'])
  }
  for (const [name = '', , , enabled] of controllers) {
    const folder = join('/sys/fs/cgroup', name)
    if (enabled !== '1' || mounted.includes(` ${folder} cgroup `)) continue
    mkdirSync(folder, { recursive: true })
    await run('mount', ['-t', 'cgroup', '-o', name, 'cgroup', folder])
  }
}

/**
 * Ends a daemon that {@link ensureDocker} started, and waits until it is gone.
 * @param {number} pid
 */
export async function stopDocker(pid) {
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGTERM')
  const deadline = Date.now() + 30_000
  while (isAlive(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100))
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}
