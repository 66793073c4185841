import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const root = resolve(import.meta.dirname, '../../..')
const terminals = resolve(root, 'renderer/features/terminals/index.ts')

/** The window's page with the fake engine before its entry, for a plain browser: `npx vite build -c test/harness/fake-engine/vite.config.ts`. */
// biome-ignore lint/style/noDefaultExport: Vite reads the default export
export default defineConfig({
  root: resolve(root, 'renderer'),
  base: './',
  publicDir: false,
  logLevel: 'warn',
  plugins: [
    react(),
    {
      name: 'fake-engine',
      enforce: 'pre',
      resolveId(source, importer) {
        if (source.endsWith('features/terminals') && (process.env.STUB_TERMINALS || !existsSync(terminals)))
          return '\0terminals'
        return importer && source === '/fake-engine' ? resolve(import.meta.dirname, 'page.ts') : null
      },
      load: (id) => (id === '\0terminals' ? 'export const TerminalsView = () => "Terminals"' : null),
      transform(code, id) {
        if (!id.endsWith('renderer/app/main.tsx')) return null
        return `import ${JSON.stringify(resolve(import.meta.dirname, 'page.ts'))}\n${code}`
      },
    },
  ],
  build: {
    target: 'chrome130',
    outDir: process.env.FAKE_ENGINE_OUT ?? resolve(root, '.cache/fake-engine'),
    emptyOutDir: true,
    modulePreload: false,
    assetsInlineLimit: 0,
  },
})
