// Vitest reporter: writes what passed, failed and was skipped, with reasons, to the file that BERTH_TEST_COUNTS names.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'

/** @typedef {{ passed: number, failed: number, skipped: { name: string, reason: string }[], failures: string[] }} Counts */

// Vitest loads reporters by their default export.
// biome-ignore lint/style/noDefaultExport: see above
export default class CountReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: 0, skipped: [], failures: [] }
    for (const module of modules) {
      // A file that could not be loaded, or a hook of it that failed, has no test of its own to show for it.
      const broken = [module, ...module.children.allSuites()].filter((one) => one.errors().length > 0)
      for (const one of broken) {
        counts.failed += 1
        const name =
          'fullName' in one ? `${module.relativeModuleId} > ${one.fullName}` : module.relativeModuleId
        counts.failures.push(withErrors(name, one.errors()))
      }
      for (const test of module.children.allTests()) {
        const result = test.result()
        const name = `${module.relativeModuleId} > ${test.fullName}`
        if (result.state === 'passed') counts.passed += 1
        else if (result.state === 'skipped') {
          // A whole suite that is skipped has its reason from its global set-up.
          const reason = ('note' in result && result.note) || process.env.BERTH_TEST_SKIP_REASON || ''
          counts.skipped.push({ name, reason })
        } else {
          counts.failed += 1
          counts.failures.push(
            result.state === 'failed' ? withErrors(name, result.errors) : `${name} (did not end)`,
          )
        }
      }
    }
    for (const error of unhandledErrors) {
      counts.failed += 1
      counts.failures.push(`unhandled: ${error instanceof Error ? error.message : JSON.stringify(error)}`)
    }
    const file = process.env.BERTH_TEST_COUNTS
    if (file) writeFileSync(file, JSON.stringify(counts))
  }
}

/**
 * A failure as the summary has it: a log of which only the end was kept then still says why, and where.
 * @param {string} name
 * @param {readonly import('vitest').TestError[]} errors
 */
function withErrors(name, errors) {
  const lines = errors.flatMap(({ message, diff, stacks }) => [
    ...message.split('\n').slice(0, 40),
    ...(diff ? diff.split('\n').slice(0, 20) : []),
    ...(stacks ?? []).slice(0, 2).map(({ file, line }) => `at ${relative(process.cwd(), file)}:${line}`),
  ])
  return [name, ...lines.map((line) => `    ${line.slice(0, 300)}`)].join('\n')
}
