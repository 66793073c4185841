/**
 * The import law of the house: which room may import which. A room is a folder (or a single file) of the
 * repository; the first matching row counts. What a row does not allow is forbidden. A room may always import
 * itself, and `?raw` assets that lie in it.
 *
 * @typedef {object} Row
 * @property {RegExp} room matches the importing file's path; its named group `name` may be used in `may`
 * @property {string} rule the rule in words, printed with a breach
 * @property {string[]} may path prefixes within the repository; `<name>` stands for the room's own name
 * @property {boolean} builtins whether Node's built-in modules may be used
 * @property {(name: string) => boolean} packages which packages may be used
 * @property {Record<string, string[]>} [names] the only names that may come from a package
 */

const electron = (/** @type {string} */ name) => name === 'electron'
const interfaceOnly =
  /^(react|react-dom|zustand|@mantine\/|@tabler\/|@tanstack\/react-virtual$|@xterm\/addon-|@xterm\/xterm)/
/** What a terminal without a window needs just as well: the widths of characters. */
const anyTerminal = /^@xterm\/addon-unicode-graphemes(\/|$)/
/** Clients that belong to one driver. */
const driverClients = /^(dockerode|docker-modem|@kubernetes\/)/
const testOnly = /^(vitest|playwright-core)$/

/** Libraries that any room of the engine may use: no window, no engine client, no test tools. */
const engineLibrary = (/** @type {string} */ name) =>
  !electron(name) &&
  (!interfaceOnly.test(name) || anyTerminal.test(name)) &&
  !driverClients.test(name) &&
  !testOnly.test(name)

const clientsOf = /** @type {Record<string, RegExp>} */ ({
  docker: /^(dockerode|docker-modem)$/,
  kubernetes: /^@kubernetes\//,
})

/** The engine's interfaces of the outside world, without the files that implement them on the real machine. */
const platform = 'main/engine/platform/'
const driverInterface = 'main/engine/drivers/driver.ts'
const moreVerbs = 'main/engine/drivers/verbs.ts'
const shared = 'main/engine/drivers/shared/'

/** A repository of a few texts, for tests. */
const memoryReader = 'main/engine/definitions/memory-reader.test-helper.ts'

/** @type {Row[]} */
export const law = [
  {
    room: /^contract\//,
    rule: 'contract may import zod only',
    may: [],
    builtins: false,
    packages: (name) => name === 'zod',
  },
  {
    room: /^main\/engine\/drivers\/(driver|verbs)\.ts$/,
    rule: 'the driver interface may import contract and platform interfaces',
    may: ['contract/', platform, driverInterface, moreVerbs],
    builtins: true,
    packages: () => false,
  },
  {
    room: /^main\/engine\/drivers\/shared\//,
    rule: 'drivers/shared, what several drivers need, may import contract, driver.ts and platform interfaces',
    may: ['contract/', platform, driverInterface],
    builtins: true,
    packages: engineLibrary,
  },
  ...Object.entries(clientsOf).map(([driver, clients]) => ({
    room: new RegExp(`^main/engine/drivers/${driver}/`),
    rule: `drivers/${driver} may import contract, driver.ts, drivers/shared, platform interfaces and its client library; never another driver or a service`,
    may: ['contract/', platform, driverInterface, shared],
    builtins: true,
    packages: (/** @type {string} */ name) => engineLibrary(name) || clients.test(name),
  })),
  {
    room: /^main\/engine\/(?<name>terminals|ports|access|files)\//,
    rule: 'main/engine/{terminals,ports,access,files} may import contract, link and platform interfaces; not drivers, not each other',
    may: ['contract/', 'main/engine/link/', platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/features\//,
    rule: "main/engine/features may import contract, definitions' public index and platform interfaces",
    may: ['contract/', 'main/engine/definitions/index.ts', memoryReader, platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/templates\//,
    rule: 'main/engine/templates may import contract, definitions, how workspaces speak to git, and platform interfaces',
    may: ['contract/', 'main/engine/definitions/', 'main/engine/workspaces/git', platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/policy\//,
    rule: 'main/engine/policy may import contract, how definitions are read, how Dockerfiles are read, and platform interfaces',
    may: [
      'contract/',
      'main/engine/definitions/document/',
      'main/engine/definitions/feature-reference.ts',
      'main/engine/definitions/suggest.ts',
      'main/engine/drivers/shared/dockerfile-doubts.ts',
      'main/engine/drivers/shared/dockerfile-images.ts',
      platform,
    ],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/workspaces\//,
    rule: 'main/engine/workspaces may import contract, driver.ts, what a Dockerfile takes, definitions, features, link, policy and platform interfaces',
    may: [
      'contract/',
      driverInterface,
      'main/engine/drivers/shared/dockerfile-images.ts',
      'main/engine/drivers/shared/dockerfile-inputs.ts',
      'main/engine/definitions/',
      'main/engine/features/',
      'main/engine/link/',
      'main/engine/policy/',
      platform,
    ],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/variables\//,
    rule: "main/engine/variables may import contract, driver.ts, link, workspaces' public index and platform interfaces",
    may: ['contract/', driverInterface, 'main/engine/link/', 'main/engine/workspaces/index.ts', platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/link\//,
    rule: 'main/engine/link may import contract, driver.ts and platform interfaces',
    may: ['contract/', driverInterface, platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/(definitions|platform)\//,
    rule: 'main/engine/{definitions,platform} may import contract and platform interfaces',
    may: ['contract/', platform],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/engine\/[^/]+$/,
    rule: "the engine's composition root may import contract and all of the engine, and no client library",
    may: ['contract/', 'main/engine/'],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^main\/shell\//,
    rule: 'main/shell may import contract and electron; the engine only as a path to start',
    may: ['contract/', 'package.json'],
    builtins: true,
    packages: electron,
  },
  {
    room: /^preload\//,
    rule: "preload may import contract and electron's contextBridge, ipcRenderer, webFrame and webUtils, nothing else",
    may: ['contract/'],
    builtins: false,
    packages: electron,
    names: { electron: ['contextBridge', 'ipcRenderer', 'IpcRendererEvent', 'webFrame', 'webUtils'] },
  },
  {
    room: /^renderer\/features\/(?<name>[^/]+)\//,
    rule: 'renderer/features/x may import contract, renderer/ui and renderer/lib; never another feature',
    may: ['contract/', 'renderer/ui/', 'renderer/lib/'],
    builtins: false,
    packages: (name) => interfaceOnly.test(name),
  },
  {
    room: /^renderer\/ui\//,
    rule: 'renderer/ui may import react and its component library only',
    may: [],
    builtins: false,
    packages: (name) => /^(react|react-dom|@mantine\/|@tabler\/)/.test(name),
  },
  {
    room: /^renderer\/lib\//,
    rule: 'renderer/lib may import contract, renderer/ui and libraries of the window',
    may: ['contract/', 'renderer/ui/'],
    builtins: false,
    packages: (name) => interfaceOnly.test(name),
  },
  {
    room: /^renderer\//,
    rule: 'the window may import contract and its own rooms; no Node, no electron',
    may: ['contract/', 'renderer/'],
    builtins: false,
    packages: (name) => interfaceOnly.test(name),
  },
  {
    room: /^cli\//,
    rule: 'cli may import contract and the engine',
    may: ['contract/', 'main/engine/', 'package.json'],
    builtins: true,
    packages: engineLibrary,
  },
  {
    room: /^test\//,
    rule: 'test may import contract, the engine, the set-up scripts and the schemas of the command line',
    may: ['cli/documents.ts', 'contract/', 'main/engine/', 'scripts/'],
    builtins: true,
    packages: () => true,
  },
  {
    room: /^scripts\/(start|test|run|agent)\.mjs$|^scripts\/(setup|agent)\//,
    rule: 'the set-up runs before any dependency is there: Node built-ins alone',
    may: ['scripts/'],
    builtins: true,
    packages: () => false,
  },
  {
    room: /^scripts\//,
    rule: 'scripts may import packages, and nothing of the application',
    may: [],
    builtins: true,
    packages: () => true,
  },
]

/** Implements the platform on the real machine: for who composes an engine, not for its services. */
const realMachine = /^main\/engine\/platform\/node/
const composes = /^(main\/engine\/[^/]+$|main\/engine\/platform\/|cli\/|test\/)/

/**
 * Why `file` may not import `target`, or nothing where it may.
 * @param {string} file path of the importing file within the repository
 * @param {import('./imports.mjs').Target} target
 * @param {string[]} names
 * @returns {string | undefined}
 */
export function breachOf(file, target, names) {
  const isTest = /\.(test|suite)\.(ts|tsx|mjs)$/.test(file)
  if (target.kind === 'missing') return 'every import leads somewhere'
  const row = law.find(({ room }) => room.test(file))
  if (!row) return undefined
  if (isTest && target.kind === 'builtin') return undefined
  if (isTest && target.kind === 'package' && target.name === 'vitest') return undefined
  if (target.kind === 'builtin') return row.builtins ? undefined : row.rule
  if (target.kind === 'package') {
    if (!row.packages(target.name)) return row.rule
    const allowed = row.names?.[target.name]
    return allowed && names.some((name) => !allowed.includes(name)) ? row.rule : undefined
  }
  const own = row.room.exec(file)?.[0] ?? ''
  if (own.endsWith('/') && target.path.startsWith(own)) return undefined
  if (!row.may.some((prefix) => target.path.startsWith(prefix))) return row.rule
  if (realMachine.test(target.path) && !composes.test(file) && !isTest) {
    return `${row.rule} (platform/node* is the real machine: take the interface from the composition root)`
  }
  return undefined
}
