/** @typedef {import('../count-reporter.mjs').Counts} Counts */

/**
 * An event of `go test -json`, see `go doc test2json`.
 * @typedef {{ Action: string, Package?: string, ImportPath?: string, Test?: string, Output?: string, Elapsed?: number, FailedBuild?: string }} Event
 */

/** Lines of a failure's output that the summary shows. */
const shown = { first: 8, last: 12 }

/**
 * Reads the events of a run as they come and counts its tests: each test that has no subtests, a fuzz target with all
 * of its seeds as one, and what failed without a test of its own, such as a package that does not compile.
 */
export class GoTestEvents {
  /** @type {Map<string, { package: string, test: string, state: string, output: string }>} */
  #tests = new Map()
  /** @type {Map<string, { state: string, output: string, failedBuild: string | undefined, seconds: number }>} */
  #packages = new Map()
  /** @type {Map<string, string>} what the compiler said, by import path */
  #builds = new Map()
  /** What is no event: what Go itself says where it comes to no test. */
  #rest = ''
  #onPackage

  /** @param {(line: string) => void} onPackage hears of each package as it ends */
  constructor(onPackage = () => {}) {
    this.#onPackage = onPackage
  }

  /** @param {string} line */
  add(line) {
    /** @type {Event} */
    let event
    try {
      event = JSON.parse(line)
    } catch {
      this.#rest += `${line}\n`
      return
    }
    if (event.ImportPath !== undefined) {
      const said = this.#builds.get(event.ImportPath) ?? ''
      this.#builds.set(event.ImportPath, said + (event.Output ?? ''))
    } else if (event.Package !== undefined) {
      if (event.Test === undefined) this.#ofPackage(event.Package, event)
      else this.#ofTest(event.Package, event.Test, event)
    }
  }

  /**
   * @param {number | null} code of `go test`
   * @returns {Counts}
   */
  counts(code) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: 0, skipped: [], failures: [] }
    const fail = (/** @type {string} */ name, /** @type {string} */ output) => {
      counts.failed += 1
      counts.failures.push(withOutput(name, output))
    }
    const packagesWithFailures = new Set()
    for (const [key, { package: of, test, state, output }] of this.#tests) {
      const name = `${of} > ${test}`
      const below = [...this.#tests.entries()].filter(([other]) => other.startsWith(`${key}/`))
      if (state === 'pass') counts.passed += below.length === 0 ? 1 : 0
      else if (state === 'skip') counts.skipped.push({ name, reason: reasonOf(output) })
      else if (!below.some(([, one]) => hasFailed(one.state))) {
        packagesWithFailures.add(of)
        fail(state === 'fail' ? name : `${name} (did not end)`, output)
      }
    }
    for (const [name, { state, output, failedBuild }] of this.#packages) {
      if (!hasFailed(state) || packagesWithFailures.has(name)) continue
      fail(name, (failedBuild && this.#builds.get(failedBuild)) || output)
    }
    if (code !== 0 && counts.failed === 0) fail(`go test ended with ${code}`, this.#rest)
    return counts
  }

  /** @param {string} name @param {Event} event */
  #ofPackage(name, event) {
    const one = this.#packages.get(name) ?? { state: '', output: '', failedBuild: undefined, seconds: 0 }
    this.#packages.set(name, one)
    if (event.Action === 'output') one.output += event.Output ?? ''
    if (!/^(pass|fail|skip)$/.test(event.Action)) return
    one.state = event.Action
    one.failedBuild = event.FailedBuild
    // A package without tests is skipped, which is nothing to tell.
    if (event.Action !== 'skip')
      this.#onPackage(`${event.Action} ${name} in ${(event.Elapsed ?? 0).toFixed(1)} s`)
  }

  /** @param {string} of @param {string} name @param {Event} event */
  #ofTest(of, name, event) {
    const isSeed = name.startsWith('Fuzz') && name.includes('/')
    const test = isSeed ? name.slice(0, name.indexOf('/')) : name
    const key = `${of} ${test}`
    const one = this.#tests.get(key) ?? { package: of, test, state: '', output: '' }
    this.#tests.set(key, one)
    if (event.Action === 'output') one.output += event.Output ?? ''
    if (!isSeed && /^(pass|fail|skip)$/.test(event.Action)) one.state = event.Action
  }
}

/** What has begun and not ended has failed too: its process is gone. @param {string} state */
const hasFailed = (state) => state !== 'pass' && state !== 'skip'

/** What a test said when it skipped itself. @param {string} output */
function reasonOf(output) {
  const said = output.split('\n').flatMap((line) => /^\s+\S+_test\.go:\d+: (.*)$/.exec(line)?.[1] ?? [])
  return said.at(-1) ?? ''
}

/**
 * A failure as the summary has it.
 * @param {string} name
 * @param {string} output
 */
export function withOutput(name, output) {
  const lines = output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s*(=== |--- |FAIL\b)/.test(line))
  const few =
    lines.length <= shown.first + shown.last
      ? lines
      : [...lines.slice(0, shown.first), '…', ...lines.slice(-shown.last)]
  return [name, ...few.map((line) => `    ${line.slice(0, 300)}`)].join('\n')
}
