import type { Source } from '#contract'
import { Machine, Rig, type RigOptions } from './rig'

/**
 * A Berth process of its own, to be killed: creates a workspace on the machine whose home is the first argument from
 * the source that is the second (JSON; a prebuild of it, if it says so), or rebuilds the workspace whose id it is. Prints
 * a line for each step.
 */
const [, , home = '', what = '', env = '{}', options = '{}'] = process.argv
const rig = new Rig(
  new Machine(JSON.parse(env) as Record<string, string>, home),
  JSON.parse(options) as RigOptions,
)
await rig.service.settled
let said = ''
rig.service.operations.onChange(({ upserts }) => {
  for (const { workspaceId, steps, state } of upserts) {
    const running = steps.filter((step) => step.state === 'running').map(({ id }) => id)
    const line = JSON.stringify({ workspaceId, state, running })
    if (line !== said) process.stdout.write(`${line}\n`)
    said = line
  }
})
const never = new AbortController().signal
if (what.startsWith('{"prebuild"')) {
  const { prebuild } = JSON.parse(what) as { prebuild: Source }
  await rig.service.handlers['prebuilds.create']({ source: prebuild, force: false }, never)
} else if (what.startsWith('{')) await rig.create(JSON.parse(what) as Source)
else await rig.service.handlers['workspaces.rebuild']({ workspaceId: what }, never)
