// The agent's binaries: `npm run build:agent` makes them, which is `build` with its options; `check`, a part of
// `npm test`, holds them against the sources and writes its counts to the file that BERTH_TEST_COUNTS names.
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { buildAgent, newGoOption } from './agent/build.mjs'
import { checkAgent } from './agent/check.mjs'
import { places } from './agent/places.mjs'
import { root } from './setup/folders.mjs'
import { say, step } from './setup/say.mjs'

const [task, ...options] = process.argv.slice(2)
const unknown = options.filter((option) => task !== 'build' || option !== newGoOption)

try {
  if (unknown.length > 0 || (task !== 'build' && task !== 'check')) {
    throw new Error(`usage: node scripts/agent.mjs build [${newGoOption}], or check`)
  }
  if (task === 'build') await build()
  else await check()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function build() {
  const newGo = options.includes(newGoOption)
  const manifest = await step('building the agent', () => buildAgent(places, { newGo }))
  const { version, revision, go, binaries } = manifest
  say(`agent ${version}, revision ${revision}, built with ${go}, in ${relative(root, places.built)}:`)
  for (const { file, size, sha256 } of Object.values(binaries)) {
    say(`${file}: ${(size / 1e6).toFixed(1)} MB unpacked, sha256 ${sha256}`)
  }
}

async function check() {
  const counts = await checkAgent(places, (line) => process.stdout.write(`${line}\n`))
  for (const failure of counts.failures) process.stdout.write(`failed: ${failure}\n`)
  const file = process.env.BERTH_TEST_COUNTS
  if (file) writeFileSync(file, JSON.stringify(counts))
  process.exitCode = counts.failed === 0 ? 0 : 1
}
