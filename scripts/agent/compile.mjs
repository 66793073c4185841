import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../setup/programs.mjs'
import { whyNotStatic } from './elf.mjs'

/** Bytes that a binary may have: each first workspace of a machine takes one along. */
const largest = 8_000_000

/** The oldest processors of each architecture, so that a binary runs on all of them. */
const processors = { GOAMD64: 'v1', GOARM64: 'v8.0' }

/**
 * Builds the agent for Linux, the same bytes from every folder and on every machine with that Go.
 * @param {import('./go.mjs').Go} go
 * @param {string} module folder of the Go module
 * @param {import('./places.mjs').Architecture} architecture
 * @param {string} folder where to put the binary
 * @returns {Promise<{ file: string, bytes: Buffer }>} the path of the binary, and what it holds
 */
export async function compile(go, module, architecture, folder) {
  const file = join(folder, `berth-agent-linux-${architecture}`)
  const { code, output } = await run(
    go.program,
    ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid=', '-o', file, './cmd/berth-agent'],
    { cwd: module, env: { ...go.environment, ...processors, GOOS: 'linux', GOARCH: architecture } },
  )
  if (code !== 0) throw new Error(`go build for linux/${architecture} failed:\n${output.trim()}`)
  const bytes = readFileSync(file)
  const problem = whyNotStatic(bytes, architecture)
  if (problem) throw new Error(`the agent for linux/${architecture} cannot be shipped: ${problem}`)
  if (bytes.length > largest) {
    throw new Error(
      `the agent for linux/${architecture} has ${bytes.length} bytes, and may have ${largest} at most`,
    )
  }
  return { file, bytes }
}
