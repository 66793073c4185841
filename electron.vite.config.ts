import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import type { UserConfig } from 'vite'

/**
 * The parts that run in Electron: `main` (shell and engine), `preload`, `renderer`. vite.config.ts makes the command
 * line; `npm run build` makes all. Everything but Node's built-ins and Electron is bundled, so that what runs needs
 * nothing of node_modules.
 */

/** The oldest runtime that Berth's Node code meets: Node 20.18 in the Electron that tests use. */
const NODE_TARGET = 'node20.18'
const CHROME_TARGET = 'chrome130'

/** A part that runs on Node: one file per input, with the chunks that they share or load late. */
export function forNode(input: Record<string, string>, outDir: string, extra: UserConfig = {}): UserConfig {
  return {
    publicDir: false,
    ssr: { noExternal: true, external: ['electron'], target: 'node' },
    // CommonJS builds of our dependencies carry `browser` and `module` fields that differ under Node.
    resolve: { conditions: ['node', 'module', 'import', 'default'], mainFields: ['module', 'main'] },
    build: {
      ssr: true,
      target: NODE_TARGET,
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input,
        external: ['electron'],
        output: {
          format: 'es',
          entryFileNames: '[name].js',
          chunkFileNames: 'chunks/[name]-[hash].js',
          // A process keeps its source in memory. Names stay: they are in the stacks that Problems show.
          minify: { mangle: false, compress: false, codegen: { removeWhitespace: true } },
        },
      },
    },
    ...extra,
  }
}

export default defineConfig({
  main: forNode({ index: 'main/shell/index.ts', engine: 'main/engine/host.ts' }, 'out/main'),
  /** A sandboxed preload is one CommonJS file; it can require nothing but electron. */
  preload: {
    publicDir: false,
    ssr: { noExternal: true, external: ['electron'], target: 'node' },
    build: {
      ssr: true,
      target: NODE_TARGET,
      outDir: 'out/preload',
      emptyOutDir: true,
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { index: 'preload/index.ts' },
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
  renderer: {
    root: 'renderer',
    base: './',
    publicDir: false,
    plugins: [react()],
    build: {
      target: CHROME_TARGET,
      outDir: 'out/renderer',
      minify: true,
      rolldownOptions: { input: 'renderer/index.html' },
      emptyOutDir: true,
      // The window loads from disk: nothing to inline or to preload, and the content policy forbids inline scripts.
      assetsInlineLimit: 0,
      modulePreload: false,
      sourcemap: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4096,
    },
  },
})
