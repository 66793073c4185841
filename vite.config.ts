import { defineConfig } from 'vite'
import { forNode } from './electron.vite.config.ts'

/** The command line: the engine without Electron. The parts that run in Electron: electron.vite.config.ts. */
export default defineConfig(forNode({ berth: 'cli/berth.ts' }, 'out/cli'))
