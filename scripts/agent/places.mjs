import { join } from 'node:path'
import { root } from '../setup/folders.mjs'

/**
 * The agent's Go module, and where its built binaries lie.
 * @typedef {{ module: string, built: string }} Places absolute paths of folders
 */

/** @type {Places} */
export const places = { module: join(root, 'agent'), built: join(root, 'resources/agent') }

/** The architectures that the agent is built for, by Go's names. All are Linux. */
export const architectures = /** @type {const} */ (['amd64', 'arm64'])

/** @typedef {typeof architectures[number]} Architecture */

/** @param {Architecture} architecture @returns {string} the name of its packed binary */
export const packedName = (architecture) => `berth-agent-linux-${architecture}.gz`

/** What to do about every difference between the agent's sources and what is built of them. */
export const remedy = 'run npm run build:agent'
