import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../setup/folders.mjs'
import { goCandidates } from '../setup/go.mjs'
import { run } from '../setup/programs.mjs'

/**
 * A Go, and the environment that makes it build the same bytes everywhere.
 * @typedef {{ program: string, version: string, gofmt: string, environment: NodeJS.ProcessEnv }} Go
 * `version` as Go names itself: `go1.26.8`
 */

/** Settings of a user that say where modules come from and where they go: those are kept. */
const kept = [
  'GOPROXY',
  'GONOPROXY',
  'GOPRIVATE',
  'GOSUMDB',
  'GONOSUMDB',
  'GOINSECURE',
  'GOAUTH',
  'GOVCS',
  'GOTMPDIR',
]
/** All else that Go reads from its environment may change what it builds. */
const ofGo = /^(GO[A-Z0-9]*|GO_\w+|CGO_\w+)$/

/**
 * A Go of one version, or, where none is asked for, the first that can build the module.
 * @param {string} module folder of the Go module
 * @param {string} [wanted] as Go names itself
 * @returns {Promise<{ go: Go } | { problem: string }>}
 */
export async function findGo(module, wanted) {
  const oldest = oldestGo(module)
  const found = []
  for (const program of goCandidates()) {
    const go = await ask(program)
    if (!go) continue
    if (wanted ? go.version === wanted : isAtLeast(go.version, oldest)) return { go }
    found.push(`${program} is ${nameOf(go.version)}`)
  }
  const needed = wanted ? nameOf(wanted) : `Go ${oldest} or newer`
  const there = found.length > 0 ? found.join(', ') : 'no Go is on PATH or in /usr/local/go'
  return { problem: `the agent is built with ${needed} (https://go.dev/dl/), and ${there}` }
}

/** @param {string} version as Go names itself */
const nameOf = (version) => version.replace(/^go/, 'Go ')

/** @param {string} program @returns {Promise<Go | undefined>} nothing where it does not run */
async function ask(program) {
  // Asked outside of every module: there none can refuse an older Go, and no workspace is in the way.
  const { code, output } = await run(
    program,
    ['env', '-json', 'GOVERSION', 'GOROOT', 'GOCACHE', 'GOMODCACHE', ...kept],
    {
      cwd: tmpdir(),
      env: { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', GOROOT: '' },
      timeout: 60_000,
    },
  )
  if (code !== 0) return undefined
  try {
    /** @type {Record<string, string>} */
    const settings = JSON.parse(output.slice(output.indexOf('{')))
    const version = settings.GOVERSION ?? ''
    const besideGo = join(settings.GOROOT ?? '', 'bin/gofmt')
    const gofmt = existsSync(besideGo) ? besideGo : join(dirname(program), 'gofmt')
    return { program, version, gofmt, environment: environmentOf(settings) }
  } catch {
    // Not what Go prints: something else of that name.
    return undefined
  }
}

/**
 * The environment without the user's preferences for Go, be they variables or of `go env -w`, but for those of modules.
 * @param {Record<string, string>} settings as `go env` prints them
 * @returns {NodeJS.ProcessEnv}
 */
function environmentOf(settings) {
  const rest = Object.entries(process.env).filter(([name]) => !ofGo.test(name) || name === 'GOMAXPROCS')
  const ofModules = Object.entries(settings).filter(([name, value]) => kept.includes(name) && value !== '')
  // Where there is no home that can be written to, as for some users of containers.
  const own = { build: join(root, '.cache/go/build'), modules: join(root, '.cache/go/modules') }
  const modules = writable(settings.GOMODCACHE)
  return {
    ...Object.fromEntries(rest),
    ...Object.fromEntries(ofModules),
    GOCACHE: writable(settings.GOCACHE) ?? own.build,
    GOMODCACHE: modules ?? own.modules,
    GOENV: 'off',
    // Go's own cache is read-only to the end; ours must not be in the way of who removes the checkout.
    GOFLAGS: modules ? '' : '-modcacherw',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    GO111MODULE: 'on',
    CGO_ENABLED: '0',
  }
}

/** @param {string | undefined} folder @returns {string | undefined} the folder, if it can be made or written to */
function writable(folder) {
  if (!folder || folder === 'off') return undefined
  let nearest = folder
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest)
  try {
    accessSync(nearest, constants.W_OK)
    return folder
  } catch {
    return undefined
  }
}

/** @param {string} module @returns {string} the version in its go.mod: `1.25.0` */
function oldestGo(module) {
  const version = /^go (\d+(?:\.\d+)*)/m.exec(readFileSync(join(module, 'go.mod'), 'utf8'))?.[1]
  if (!version) throw new Error(`${join(module, 'go.mod')} names no version of Go`)
  return version
}

/** @param {string} version as Go names itself @param {string} oldest */
function isAtLeast(version, oldest) {
  const [have, need] = [version.replace(/^go/, ''), oldest].map((text) =>
    text.split('.').map(Number.parseFloat),
  )
  for (const [index, number] of (need ?? []).entries()) {
    const own = have?.[index] ?? 0
    if (own !== number) return own > number
  }
  return true
}
