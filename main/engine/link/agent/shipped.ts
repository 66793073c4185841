import { readBinary, readManifest } from './binaries'
import type { AgentBinaries } from './place'

/** The agents in the folder of what was shipped with Berth. Without them there are none, and everything goes without. */
export function shippedAgents(resources: string): AgentBinaries {
  return {
    async facts(architecture) {
      const manifest = await readManifest(resources).catch(() => undefined)
      return manifest && { sha256: manifest.binaries[architecture].sha256, revision: manifest.revision }
    },
    read: (architecture) => readBinary(resources, architecture),
  }
}
