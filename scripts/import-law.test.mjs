import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { importsOf } from './import-law/imports.mjs'
import { checkImportLaw } from './import-law.mjs'

/** @type {string} */
let root
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-import-law-'))
  write(
    'package.json',
    JSON.stringify({ imports: { '#contract': './contract/index.ts', '#contract/*': './contract/*.ts' } }),
  )
  write('contract/index.ts', "import { z } from 'zod'\nexport const x = z")
  write('contract/streams.ts', 'export const HIGH_WATER = 1')
  write('main/engine/link/link.ts', "import type { x } from '#contract'\nexport type L = typeof x")
  write('main/engine/drivers/driver.ts', 'export interface Driver {}')
  write('main/engine/platform/platform.ts', 'export interface Platform {}')
  write('main/engine/platform/node.ts', 'export const real = 1')
  write('main/engine/ports/index.ts', "import '../link/link'\nexport const p = 1")
  write('renderer/lib/a.ts', 'export const a = 1')
  write(
    'renderer/features/one/index.tsx',
    "import { useState } from 'react'\nimport '../../lib/a'\nexport const s = useState",
  )
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

describe('importsOf', () => {
  it('finds every form of import with its line', () => {
    const found = importsOf(
      'a.ts',
      [
        "import a, { b as c, type D } from './one'",
        "import * as all from './two'",
        "import './three'",
        "export { e } from './four'",
        "export * from './five'",
        "type Q = import('./six').W",
        "const lazy = () => import('./seven')",
        'const template = () => import(`./eight`)',
        "import old = require('./nine')",
        "const older = require('./ten')",
        "const text = \"import './not-one'\" // import './nor-this'",
      ].join('\n'),
    )
    expect(found.map(({ specifier, line, names }) => [specifier, line, names.join()])).toEqual([
      ['./one', 1, 'default,b,D'],
      ['./two', 2, '*'],
      ['./three', 3, ''],
      ['./four', 4, 'e'],
      ['./five', 5, '*'],
      ['./six', 6, 'W'],
      ['./seven', 7, '*'],
      ['./eight', 8, '*'],
      ['./nine', 9, '*'],
      ['./ten', 10, '*'],
    ])
  })
})

describe('checkImportLaw', () => {
  it('accepts a house in order', () => {
    expect(checkImportLaw(root).breaches).toEqual([])
  })

  it.each([
    ['contract/bad.ts', "import 'node:fs'", 'contract may import zod only'],
    ['contract/bad.ts', "import type { L } from '../main/engine/link/link'", 'contract may import zod only'],
    ['main/engine/terminals/bad.ts', "import type { Driver } from '../drivers/driver'", 'not drivers'],
    ['main/engine/terminals/bad.ts', "import('../ports')", 'not each other'],
    ['main/engine/ports/bad.ts', "import 'electron'", 'main/engine/{terminals,ports,access,files}'],
    ['main/engine/ports/bad.ts', "import 'dockerode'", 'main/engine/{terminals,ports,access,files}'],
    ['main/engine/ports/bad.ts', "import { real } from '../platform/node'", 'real machine'],
    ['main/engine/link/bad.ts', "import '../drivers/docker/client'", 'every import leads somewhere'],
    ['main/engine/drivers/docker/bad.ts', "import '@kubernetes/client-node'", 'never another driver'],
    ['main/engine/drivers/docker/bad.ts', "import '../../ports'", 'never another driver or a service'],
    ['main/engine/definitions/bad.ts', "type D = import('../drivers/driver').Driver", 'definitions'],
    ['main/shell/bad.ts', "import '../engine/link/link'", 'main/shell may import'],
    [
      'preload/bad.ts',
      "import { shell } from 'electron'",
      "electron's contextBridge, ipcRenderer, webFrame and webUtils",
    ],
    ['preload/bad.ts', "import 'node:fs'", "electron's contextBridge, ipcRenderer, webFrame and webUtils"],
    ['renderer/features/two/bad.tsx', "import '../one'", 'never another feature'],
    ['renderer/features/two/bad.tsx', "import 'node:path'", 'never another feature'],
    ['renderer/ui/bad.tsx', "import '../lib/a'", 'component library only'],
    ['renderer/app/bad.tsx', "import 'electron'", 'no Node, no electron'],
    ['cli/bad.ts', "import '../renderer/lib/a'", 'cli may import'],
    ['scripts/setup/bad.mjs', "import 'vite'", 'Node built-ins alone'],
    ['renderer/app/bad.tsx', "import './nowhere'", 'every import leads somewhere'],
  ])('refuses in %s: %s', (file, line, rule) => {
    write(file, `// first line\n${line}\n`)
    const { breaches } = checkImportLaw(root)
    expect(breaches).toHaveLength(1)
    expect(breaches[0]).toMatch(new RegExp(`^${file}:2: `))
    expect(breaches[0]).toContain(rule)
  })

  it('lets a preload take what it is for, and the composition root the real machine', () => {
    write(
      'preload/index.ts',
      "import { contextBridge, ipcRenderer } from 'electron'\nimport '#contract/streams'",
    )
    write('main/engine/host.ts', "import { real } from './platform/node'\nimport './ports'")
    expect(checkImportLaw(root).breaches).toEqual([])
  })

  it('lets a test use what tests are written with, and nothing else beyond the law of its folder', () => {
    write('contract/good.test.ts', "import { it } from 'vitest'\nimport 'node:fs'")
    write('contract/bad.test.ts', "import '../renderer/lib/a'")
    expect(checkImportLaw(root).breaches.map((breach) => breach.split(':')[0])).toEqual([
      'contract/bad.test.ts',
    ])
  })
})
