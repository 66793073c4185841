// `npm test`: sets up what tests need, runs everything even where something failed, and closes with
// `N passed, N failed, N skipped`. Arguments name suites, then filters for Vitest: `npm run test:unit -- contract`.
// `editors` has to be named: it fetches a few hundred megabytes.
// `--kubernetes=current` runs all tests of a cluster on a current one in place of the oldest, and builds it if need be.
// Runs before any dependency is installed: Node built-ins alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt } from './setup/built.mjs'
import { attend, endAll } from './setup/children.mjs'
import { ensureDependencies } from './setup/dependencies.mjs'
import { ensureDocker, stopDocker } from './setup/docker.mjs'
import { ensureElectron } from './setup/electron.mjs'
import { root } from './setup/folders.mjs'
import { ensureKubernetes } from './setup/kubernetes.mjs'
import { requireNode } from './setup/node-version.mjs'
import { endWithParent } from './setup/parent.mjs'
import { elapsed, say } from './setup/say.mjs'
import { ensurePackages, packagesFor } from './setup/system-packages.mjs'
import { ensureTestUser } from './setup/test-user.mjs'

const minutes = (/** @type {number} */ count) => count * 60_000
const checks = ['lint', 'typecheck', 'agent']
const usual = ['unit', 'conformance', 'kubernetes', 'kubernetes-current', 'e2e']
const suites = [...usual, 'editors']
/** No check and no suite hangs the run. */
const limit = {
  lint: minutes(5),
  typecheck: minutes(5),
  agent: minutes(15),
  unit: minutes(15),
  conformance: minutes(25),
  kubernetes: minutes(40),
  'kubernetes-current': minutes(25),
  e2e: minutes(25),
  editors: minutes(25),
}

const tooLong = 'took too long and was ended'

/** Takes the current Kubernetes in place of the oldest, with all tests. */
const currentOption = '--kubernetes=current'
const onCurrent = process.argv.includes(currentOption)
const args = process.argv.slice(2).filter((arg) => arg !== currentOption)
const named = args
  .filter((arg) => checks.includes(arg) || suites.includes(arg))
  .map((name) => (onCurrent && name === 'kubernetes' ? 'kubernetes-current' : name))
const filters = args.filter((arg) => !checks.includes(arg) && !suites.includes(arg))
if (onCurrent) process.env.BERTH_TEST_WHOLE = '1'
const chosen = named.length > 0 ? named : [...checks, ...usual]

/** @type {{ suite: string, passed: number, failed: number, skipped: { name: string, reason: string }[], failures: string[], seconds: number }[]} */
const results = []
/** @type {number | undefined} pid of the Docker engine, if we started it */
let startedDocker
const temporary = mkdtempSync(join(tmpdir(), 'berth-test-run-'))
let interrupted = false

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    if (interrupted) return
    interrupted = true
    say(`${signal}: ending`)
    void endAll()
      .then(cleanUp)
      .then(() => process.exit(1))
  })
}

try {
  requireNode()
  endWithParent()
  await ensureDependencies()
  for (const check of checks.filter((name) => chosen.includes(name))) if (!interrupted) await runCheck(check)
  const failure = interrupted ? {} : await prepare()
  for (const suite of suites.filter((name) => chosen.includes(name))) {
    if (interrupted) break
    const problem = failure[suite]
    if (problem) results.push({ suite, passed: 0, failed: 1, skipped: [], failures: [problem], seconds: 0 })
    else await runSuite(suite)
  }
} catch (error) {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  results.push({ suite: 'set-up', passed: 0, failed: 1, skipped: [], failures: [message], seconds: 0 })
} finally {
  await cleanUp()
}
if (!interrupted) report()

/**
 * What the chosen suites need beyond dependencies.
 * @returns {Promise<Record<string, string | undefined>>} by suite, why it cannot run
 */
async function prepare() {
  const clusters = ['kubernetes', 'kubernetes-current'].filter((suite) => chosen.includes(suite))
  const needEngine = ['conformance', ...clusters, 'e2e', 'editors'].filter((suite) => chosen.includes(suite))
  if (needEngine.length === 0) return {}
  const allFail = (/** @type {string} */ problem) =>
    Object.fromEntries(needEngine.map((suite) => [suite, problem]))
  /** @type {Record<string, string | undefined>} */
  const failure = {}
  const packages = [...packagesFor.docker, ...packagesFor.tests]
  if (chosen.includes('e2e')) packages.push(...packagesFor.window)
  // One of the end-to-end tests has a cluster as well, where that takes no build.
  if (chosen.includes('kubernetes') || chosen.includes('e2e')) packages.push(...packagesFor.kubernetes)
  if (chosen.includes('kubernetes-current')) packages.push(...packagesFor.currentKubernetes)
  await ensurePackages([...new Set(packages)], 'the tests')
  const docker = await ensureDocker()
  startedDocker = docker.started?.pid
  if (!docker.ok) return allFail('Docker does not answer: see above')
  try {
    await ensureBuilt()
  } catch (error) {
    return allFail(error instanceof Error ? error.message : String(error))
  }
  for (const suite of clusters) {
    const age = suite === 'kubernetes' ? 'oldest' : 'current'
    // Where binaries have to be built, that takes minutes: not for somebody who asked for a few other tests, and the
    // current ones only for who asks for them.
    const few = filters.length > 0 && !filters.some((filter) => filter.includes('kubernetes'))
    try {
      await ensureKubernetes({ mayBuild: !few && (age === 'oldest' || onCurrent), age })
    } catch (error) {
      failure[suite] = error instanceof Error ? error.message : String(error)
    }
  }
  if (chosen.includes('e2e')) {
    await ensureTestUser()
    const runtime = await ensureElectron()
    if ('problem' in runtime) failure.e2e = runtime.problem
    else process.env.BERTH_TEST_ELECTRON = runtime.executable
  }
  return failure
}

/** @param {string} check */
async function runCheck(check) {
  const from = performance.now()
  process.stdout.write(`\n── ${check}\n`)
  const file = join(temporary, `${check}.json`)
  const program = check === 'agent' ? ['scripts/agent.mjs', 'check'] : ['scripts/run.mjs', check]
  const code = await attend(process.execPath, program, {
    cwd: root,
    timeout: limit[/** @type {keyof typeof limit} */ (check)],
    env: { ...process.env, BERTH_TEST_COUNTS: file },
  })
  const seconds = (performance.now() - from) / 1000
  // Lint and typecheck write no counts: they are one thing that passes or fails.
  const counts = read(file) ?? {
    passed: code === 0 ? 1 : 0,
    failed: code === 0 ? 0 : 1,
    skipped: [],
    failures: code === 0 ? [] : [code === 124 ? tooLong : `npm run ${check} says more`],
  }
  results.push({ suite: check, ...counts, seconds })
}

/** @param {string} suite */
async function runSuite(suite) {
  const from = performance.now()
  process.stdout.write(`\n── ${suite}\n`)
  const file = join(temporary, `${suite}.json`)
  const code = await attend(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      suite,
      '--reporter=default',
      `--reporter=${join(root, 'scripts/count-reporter.mjs')}`,
      // A filter that is meant for one suite leaves another one empty.
      ...(filters.length > 0 && chosen.length > 1 ? ['--passWithNoTests'] : []),
      ...filters,
    ],
    {
      cwd: root,
      timeout: limit[/** @type {keyof typeof limit} */ (suite)],
      env: { ...process.env, BERTH_TEST_COUNTS: file, NODE_ENV: 'test' },
    },
  )
  const seconds = (performance.now() - from) / 1000
  const counts = read(file)
  if (!counts) {
    const why = code === 124 ? tooLong : `Vitest ended with ${code} before it had results`
    results.push({ suite, passed: 0, failed: 1, skipped: [], failures: [why], seconds })
    return
  }
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1
    counts.failures.push(`Vitest ended with ${code}`)
  }
  results.push({ suite, ...counts, seconds })
}

/** @param {string} file @returns {import('./count-reporter.mjs').Counts | undefined} */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Not written: Vitest did not come to its end.
    return undefined
  }
}

async function cleanUp() {
  const pid = startedDocker
  startedDocker = undefined
  if (pid !== undefined) {
    await stopDocker(pid)
    say('stopped the Docker engine that the tests had started')
  }
  rmSync(temporary, { recursive: true, force: true })
}

function report() {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  const lines = ['', '── summary']
  for (const { suite, passed, failed, skipped, failures, seconds } of results) {
    sum.passed += passed
    sum.failed += failed
    sum.skipped += skipped.length
    lines.push(
      `${suite.padEnd(18)} ${passed} passed, ${failed} failed, ${skipped.length} skipped in ${seconds.toFixed(1)} s`,
    )
    for (const failure of failures) lines.push(`  failed: ${failure}`)
    for (const [reason, names] of byReason(skipped)) {
      if (names.length > 3) lines.push(`  skipped: ${names.length} tests: ${reason}`)
      else lines.push(...names.map((name) => `  skipped: ${name}: ${reason}`))
    }
  }
  lines.push(`all of it took ${(elapsed() / 60_000).toFixed(1)} min`, '')
  lines.push(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
  process.stdout.write(`${lines.join('\n')}\n`)
  process.exitCode = sum.failed === 0 ? 0 : 1
}

/** @param {{ name: string, reason: string }[]} skipped @returns {Map<string, string[]>} */
function byReason(skipped) {
  /** @type {Map<string, string[]>} */
  const names = new Map()
  for (const { name, reason } of skipped) {
    const why = reason || 'no reason given'
    names.set(why, [...(names.get(why) ?? []), name])
  }
  return names
}
