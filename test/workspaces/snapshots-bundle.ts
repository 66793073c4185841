import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'vite'

export interface ChildBundle {
  /** A program for Node: see snapshots-child.ts. */
  readonly path: string
  dispose(): void
}

/** Makes a program of snapshots-child.ts that a process of its own runs. */
export async function bundleChild(): Promise<ChildBundle> {
  // Below node_modules, so that what is not bundled is found.
  const folder = resolve(`node_modules/.cache/berth-snapshots-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      ssr: resolve('test/workspaces/snapshots-child.ts'),
      outDir: folder,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'child.mjs' } },
    },
  })
  return { path: join(folder, 'child.mjs'), dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
