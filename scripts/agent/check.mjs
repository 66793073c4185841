import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { run } from '../setup/programs.mjs'
import { compile } from './compile.mjs'
import { findGo } from './go.mjs'
import { GoTestEvents, withOutput } from './go-tests.mjs'
import { digestOf, readManifest, whyNotAsDescribed } from './manifest.mjs'
import { endMarked, mark, markedProcesses } from './marked.mjs'
import { architectures, remedy } from './places.mjs'
import { digestOfSources } from './sources.mjs'
import { inTemporaryFolder } from './temporary.mjs'

/** @typedef {import('../count-reporter.mjs').Counts} Counts */
/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./go.mjs').Go} Go */
/** @typedef {import('./manifest.mjs').Manifest} Manifest */

const rebuilt = architectures.map((architecture) => `rebuilding for ${architecture}`)
/** What needs Go. */
const withGo = ['gofmt', 'go vet', 'go test', ...rebuilt]

/**
 * Checks the agent: what is committed is what the manifest says, and was built of the sources that are there; where
 * the manifest's Go is, also that the sources are formatted, sound and pass their tests, and build to the same bytes.
 * @param {Places} places
 * @param {(line: string) => void} tell hears of each step as it ends
 * @returns {Promise<Counts>}
 */
export async function checkAgent(places, tell) {
  const tally = new Tally(tell)
  const manifest = readManifest(places)
  if (!manifest || !existsSync(join(places.module, 'go.mod'))) {
    tally.skip(['agent'], 'the agent is not built yet')
    return tally.counts
  }
  for (const architecture of architectures) {
    tally.add(`binary for ${architecture}`, whyNotAsDescribed(places, manifest, architecture))
  }
  const isCurrent = digestOfSources(places.module) === manifest.sources
  tally.add('sources', isCurrent ? undefined : `they are not those of the binaries: ${remedy}`)
  const found = await findGo(places.module, manifest.go)
  if ('problem' in found) {
    tally.skip(withGo, found.problem)
    return tally.counts
  }
  await checkWithGo(places, manifest, found.go, isCurrent, tally)
  return tally.counts
}

/**
 * @param {Places} places
 * @param {Manifest} manifest
 * @param {Go} go
 * @param {boolean} isCurrent whether the sources are those that the binaries were built of
 * @param {Tally} tally
 */
async function checkWithGo({ module }, manifest, go, isCurrent, tally) {
  const unformatted = await run(go.gofmt, ['-l', '.'], { cwd: module })
  tally.add('gofmt', unformatted.code === 0 && unformatted.output === '' ? undefined : unformatted.output)

  const modules = await run(go.program, ['mod', 'download'], {
    cwd: module,
    env: go.environment,
    timeout: 180_000,
  })
  if (modules.code !== 0) {
    const rest = withGo.filter((name) => name !== 'gofmt')
    // One that came and is another than go.sum says is no matter of the network.
    if (/checksum|go\.sum|go\.mod|SECURITY/.test(modules.output)) tally.add('go mod download', modules.output)
    const why = modules.output.trim().split('\n').at(-1) || 'it took too long'
    tally.skip(rest, `modules of the agent cannot be downloaded: ${why}`)
    return
  }

  const linux = { ...go.environment, GOOS: 'linux' }
  const vet = await run(go.program, ['vet', './...'], { cwd: module, env: linux })
  tally.add('go vet', vet.code === 0 ? undefined : vet.output)

  if (process.platform === 'linux') tally.join(await goTest(module, go, (line) => tally.tell(line)))
  else tally.skip(['go test'], 'the agent runs on Linux alone')

  if (isCurrent) await rebuild(module, manifest, go, tally)
  else tally.skip(rebuilt, `the sources are not those of the binaries: ${remedy}`)
}

/** @param {string} module @param {Go} go @param {(line: string) => void} tell @returns {Promise<Counts>} */
async function goTest(module, go, tell) {
  const id = randomUUID()
  const events = new GoTestEvents(tell)
  return inTemporaryFolder(
    async (folder) => {
      // Not from Go's cache, which does not know of the programs and the kernel that the tests live on. What Go builds
      // for them is not left where a signal ends Go; what they make themselves goes where it always does, since paths
      // of sockets must be short.
      const child = spawn(go.program, ['test', '-json', '-count=1', '-timeout=5m', './...'], {
        cwd: module,
        env: { ...go.environment, GOTMPDIR: folder, [mark]: id },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => events.add(line))
      }
      const closed = new Promise((resolve) => child.once('close', resolve))
      const code = await new Promise((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', resolve)
      })
      const left = await leftOf(id)
      // It may hold the pipes open as well.
      endMarked(id)
      await closed
      const counts = events.counts(code)
      if (left.length > 0) {
        counts.failed += 1
        counts.failures.push(withOutput('go test left processes, which were ended', left.join('\n')))
      }
      return counts
    },
    () => endMarked(id),
  )
}

/**
 * What a run of tests has left, once what was ended at its close has had the time to end.
 * @param {string} id value of the run's mark
 * @returns {Promise<string[]>} command lines
 */
async function leftOf(id) {
  for (let attempt = 0; attempt < 100 && markedProcesses(id).length > 0; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return markedProcesses(id).map(({ command }) => command)
}

/** @param {string} module @param {Manifest} manifest @param {Go} go @param {Tally} tally */
async function rebuild(module, manifest, go, tally) {
  await inTemporaryFolder(async (folder) => {
    for (const architecture of architectures) {
      const name = `rebuilding for ${architecture}`
      try {
        const { bytes } = await compile(go, module, architecture, folder)
        const [digest, described] = [digestOf(bytes), manifest.binaries[architecture]?.sha256]
        const differs = `gives sha256 ${digest}, and manifest.json says ${described}: ${remedy}`
        tally.add(name, digest === described ? undefined : differs)
      } catch (error) {
        tally.add(name, error instanceof Error ? error.message : String(error))
      }
    }
  })
}

/** Counts as it goes. */
class Tally {
  /** @type {Counts} */
  counts = { passed: 0, failed: 0, skipped: [], failures: [] }

  /** @param {(line: string) => void} tell */
  constructor(tell) {
    this.tell = tell
  }

  /** @param {string} name @param {string | undefined} problem */
  add(name, problem) {
    this.tell(`${problem === undefined ? 'pass' : 'fail'} ${name}`)
    if (problem === undefined) this.counts.passed += 1
    else {
      this.counts.failed += 1
      this.counts.failures.push(withOutput(name, problem))
    }
  }

  /** @param {readonly string[]} names @param {string} reason */
  skip(names, reason) {
    for (const name of names) this.tell(`skip ${name}: ${reason}`)
    this.counts.skipped.push(...names.map((name) => ({ name, reason })))
  }

  /** @param {Counts} more */
  join(more) {
    this.counts.passed += more.passed
    this.counts.failed += more.failed
    this.counts.skipped.push(...more.skipped)
    this.counts.failures.push(...more.failures)
  }
}
