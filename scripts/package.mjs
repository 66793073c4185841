// Makes the directory form of the application in dist/ without a network: `npm run package`. The argument is the
// folder of the Electron runtime to put it into.
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, Platform } from 'electron-builder'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [electronDist, output = 'dist'] = process.argv.slice(2)
if (!electronDist) {
  console.error('usage: node scripts/package.mjs <folder of the Electron runtime> [output folder]')
  process.exit(2)
}
await build({
  projectDir: root,
  targets: Platform.current().createTarget('dir'),
  publish: 'never',
  config: {
    extends: join(root, 'electron-builder.yml'),
    electronDist,
    directories: { output },
    // A runtime from the npm registry comes with an app that loads others; a package has its own.
    afterExtract: ({ appOutDir }) =>
      rmSync(join(appOutDir, 'resources/app'), { recursive: true, force: true }),
  },
})
