import type { Node } from 'jsonc-parser'
import type { Clue, Fact } from './evidence'
import { type Finding, type Place, type PortFinding, pathIn, portFinding } from './finding'
import { imageOf, toolchains } from './toolchains'
import { versionFor } from './versions'

/** Names of releases, as .nvmrc writes them after `lts/`. */
const releases: Readonly<Record<string, string>> = {
  gallium: '16',
  hydrogen: '18',
  iron: '20',
  jod: '22',
  krypton: '24',
}

/** What a package brings that is started in development: its port where nothing else is said. */
const servers: readonly (readonly [packageName: string, label: string, port: number])[] = [
  ['next', 'Next.js', 3000],
  ['nuxt', 'Nuxt', 3000],
  ['@angular/cli', 'Angular', 4200],
  ['astro', 'Astro', 4321],
  ['gatsby', 'Gatsby', 8000],
  ['@docusaurus/core', 'Docusaurus', 3000],
  ['react-scripts', 'React', 3000],
  ['@vue/cli-service', 'Vue', 8080],
  ['vite', 'Vite', 5173],
  ['parcel', 'Parcel', 1234],
  ['webpack-dev-server', 'webpack', 8080],
  ['@11ty/eleventy', 'Eleventy', 8080],
  ['vuepress', 'VuePress', 8080],
  ['@nestjs/core', 'Nest', 3000],
  ['express', 'Express', 3000],
  ['fastify', 'Fastify', 3000],
  ['koa', 'Koa', 3000],
]
const scripts = ['dev', 'start', 'serve', 'develop', 'start:dev'] as const

/** A project of Node: package.json. */
export async function detectNode(place: Place): Promise<Finding | undefined> {
  const clue = await place.clue('package.json')
  if (!clue) return undefined
  const root = clue.tree()
  const version = await nodeVersion(place, clue, root)
  const isTyped = place.has('tsconfig.json')
  return {
    language: 'node',
    folder: place.folder,
    manifest: clue.fact('package.json'),
    ...(version ? { version } : {}),
    ...(isTyped
      ? {
          image: (wanted: string) =>
            imageOf('node', wanted).replace('/javascript-node:', '/typescript-node:'),
        }
      : {}),
    install: installNode(place, clue, root),
    ports: await nodePorts(place, clue, root),
  }
}

async function nodeVersion(place: Place, clue: Clue, root: Node | undefined): Promise<Fact | undefined> {
  const { preferred, parts } = toolchains.node
  const told: (Fact | undefined)[] = []
  for (const name of ['.nvmrc', '.node-version'])
    told.push((await place.clue(name))?.find(/^\s*([^\s#]+)\s*$/))
  told.push(clue.at(root, ['volta', 'node']), clue.at(root, ['engines', 'node']))
  for (const fact of told) {
    if (!fact) continue
    const name = /^lts\/(\w+|\*)$/.exec(fact.value)?.[1]
    const version = name ? (releases[name] ?? preferred) : versionFor(fact.value, preferred, parts)
    if (version !== undefined) return { ...fact, value: version }
  }
  return undefined
}

function installNode(place: Place, clue: Clue, root: Node | undefined): Fact {
  const manager = clue.at(root, ['packageManager'])
  const [, name = '', version = ''] = /^(npm|pnpm|yarn|bun)@(\d[\w.-]*)/.exec(manager?.value ?? '') ?? []
  const lock = (file: string) => (place.has(file) ? { value: '', because: pathIn(place, file) } : undefined)
  const pnpm = lock('pnpm-lock.yaml')
  const yarn = lock('yarn.lock')
  const bun = lock('bun.lock') ?? lock('bun.lockb')
  const npm = lock('package-lock.json') ?? lock('npm-shrinkwrap.json')
  const by = (fact: Fact | undefined, value: string): Fact => ({ ...(fact ?? clue.fact('')), value })
  if (name === 'pnpm' || (name === '' && pnpm))
    return by(
      pnpm ?? manager,
      `npm install -g pnpm${version ? `@${version}` : ''} && pnpm install${pnpm ? ' --frozen-lockfile' : ''}`,
    )
  if (name === 'yarn' || (name === '' && yarn)) {
    const isModern = /^[2-9]/.test(version) || place.has('.yarnrc.yml')
    if (isModern) return by(yarn ?? manager, `corepack enable && yarn install${yarn ? ' --immutable' : ''}`)
    return by(yarn ?? manager, `yarn install${yarn ? ' --frozen-lockfile' : ''}`)
  }
  if (name === 'bun' || (name === '' && bun))
    return by(
      bun ?? manager,
      `npm install -g bun${version ? `@${version}` : ''} && bun install${bun ? ' --frozen-lockfile' : ''}`,
    )
  return npm ? by(npm, 'npm ci') : by(undefined, 'npm install')
}

async function nodePorts(place: Place, clue: Clue, root: Node | undefined): Promise<PortFinding[]> {
  const server = servers
    .map(([name, label, port]) => {
      const fact = clue.at(root, ['dependencies', name]) ?? clue.at(root, ['devDependencies', name])
      return fact && { fact, label, port }
    })
    .find((found) => found !== undefined)
  const ports: PortFinding[] = []
  for (const script of scripts) {
    const command = clue.at(root, ['scripts', script])
    const port = /(?:--port[= ]|\s-p[= ]?|\bPORT=)(\d{2,5})\b/.exec(command?.value ?? '')?.[1]
    const told =
      command && port ? portFinding({ ...command, value: port }, server?.label ?? 'App') : undefined
    if (told) ports.push(told)
  }
  if (ports.length === 0 && server) {
    const configured = server.label === 'Vite' ? await vitePort(place) : await sourcePort(place, server.label)
    const usual = { ...server.fact, value: String(server.port) }
    const found = portFinding(configured ?? usual, server.label)
    if (found) ports.push(found)
  }
  const storybook = clue.at(root, ['scripts', 'storybook'])
  if (storybook) {
    const port = /(?:--port[= ]|\s-p[= ]?)(\d{2,5})\b/.exec(storybook.value)?.[1] ?? '6006'
    const found = portFinding({ ...storybook, value: port }, 'Storybook')
    if (found) ports.push(found)
  }
  return ports
}

/** Of servers without a port of their own: where they are told to listen. */
async function sourcePort(place: Place, label: string): Promise<Fact | undefined> {
  if (!['Express', 'Fastify', 'Koa', 'Nest'].includes(label)) return undefined
  const folder = place.has('src') ? ['src/index.ts', 'src/main.ts', 'src/server.ts', 'src/index.js'] : []
  for (const name of ['server.js', 'index.js', 'app.js', 'server.ts', 'index.ts', ...folder]) {
    const found = (await place.clue(name))?.find(
      /(?:\blisten\(\s*|\bPORT\s*(?:\|\||\?\?)\s*|\bport\s*[:=]\s*)["']?(\d{4,5})\b/,
    )
    if (found) return found
  }
  return (await place.clue('.env.example'))?.find(/^\s*PORT\s*=\s*(\d{2,5})\s*$/)
}

async function vitePort(place: Place): Promise<Fact | undefined> {
  const name = place.names.find((one) => /^vite\.config\.[cm]?[jt]s$/.test(one))
  const clue = name === undefined ? undefined : await place.clue(name)
  return clue?.find(/^\s*(?:server:\s*\{.*)?\bport:\s*(\d{2,5})\b/)
}
