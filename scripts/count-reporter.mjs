// Vitest reporter: writes what passed, failed and was skipped, with reasons, to the file that BERTH_TEST_COUNTS names.
import { writeFileSync } from 'node:fs'

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
        counts.failures.push(
          'fullName' in one ? `${module.relativeModuleId} > ${one.fullName}` : module.relativeModuleId,
        )
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
          counts.failures.push(result.state === 'failed' ? name : `${name} (did not end)`)
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
