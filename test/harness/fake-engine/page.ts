import {
  type CollectionName,
  collections,
  ENGINE_PORT_MESSAGE,
  type Preview,
  requests,
  Settings,
  type ShellRequestName,
} from '#contract'
import { clusterScene, diagnoses } from './cluster'
import { crowdScene } from './crowd'
import { listing, preview, transfers } from './files'
import { data, muchAsked } from './much-asked'
import { definitionExists, previewOfPlain } from './proposal'
import { namespaces, room, roomScene, shortOfRoom } from './room'
import { failedOperation, problems, type Scene, scenes } from './scenes'
import { storage, storageScene } from './storage'

/**
 * An engine and a shell made of nothing, in the page itself: for looking at the window's views in a plain browser.
 * Never part of the app. `?scene=` chooses what there is; `window.fake` changes it from the developer tools or a script.
 */
const parameters = new URLSearchParams(location.search)
const named: Record<string, Scene> = {
  ...scenes,
  crowd: crowdScene,
  cluster: clusterScene,
  room: roomScene,
  storage: storageScene,
  files: { ...scenes.full, transfers },
}
const scene: Scene = named[parameters.get('scene') ?? 'full'] ?? {}
let settings = Settings.parse({})
const versions = new Map<CollectionName, number>()
let enginePort: MessagePort | undefined

const ports = new Set<MessagePort>()

function send(message: unknown): void {
  enginePort?.postMessage(message)
}

function change(collection: CollectionName, fields: object): void {
  const version = (versions.get(collection) ?? -1) + 1
  versions.set(collection, version)
  send({ type: 'change', collection, version, upserts: [], removes: [], ...fields })
}

const answers: Record<string, (input: never) => unknown> = {
  'sources.parse': ({ text }: { text: string }) => {
    if (/^(https?|ssh|git|file):|^[^/]+@[^/]+:/.test(text)) {
      const [url = '', branch] = text.split('#')
      const name =
        url
          .split('/')
          .at(-1)
          ?.replace(/\.git$/, '') ?? 'workspace'
      return {
        source: { kind: 'git', url, ...(branch ? { ref: { kind: 'branch', name: branch } } : {}) },
        name,
      }
    }
    if (text.startsWith('/')) return { source: { kind: 'folder', path: text }, name: text.split('/').at(-1) }
    return { source: { kind: 'image', image: text }, name: text.split(/[:/]/)[0] }
  },
  'workspaces.preview': ({
    source,
    definitionText,
  }: {
    source: Preview['source']
    definitionText?: string
  }) => {
    if (source.kind !== 'image' && formatted(source).includes('plain'))
      return previewOfPlain(source, definitionText)
    if (source.kind === 'git' && source.url.includes('missing')) {
      throw {
        code: 'git-not-found',
        title: 'There is no such repository',
        cause: `${source.url} does not exist, or your git may not see it.`,
        remedy:
          'Check the address. For a private repository, check that “git ls-remote” reaches it from a terminal.',
        detail: 'remote: Repository not found.',
      }
    }
    const definition = scenes.full?.workspaces?.[0]?.definition
    const prebuild = {
      prebuild: { id: '0a1b2c3d4e5f', madeAt: Date.now() - 7_200_000, commit: '4f1c2ab'.padEnd(40, '0') },
      isSameCommit: true,
      text: 'Found: made two hours ago, commit 4f1c2ab',
    }
    const notApplied = definition?.notApplied ?? []
    const plain = { source, name: 'atlas', definition, candidates: [], notApplied, prebuild }
    return formatted(source).includes('much') && definition ? { ...plain, ...muchAsked(definition) } : plain
  },
  'variables.list': () => [
    { name: 'EDITOR', secret: false, value: 'vim' },
    { name: 'API_TOKEN', secret: true },
  ],
  'templates.list': () => ({ sources: [{ key: 'berth', name: 'Berth', templates: [], faulty: [] }] }),
  'data.list': () => data,
  'data.sizes': () => ({ pgdata: 734_003_200 }),
  ...storage,
  'builds.asks': () => ({ secrets: [{ id: 'npmrc' }], ssh: true, hostNetwork: false }),
  'builds.give': () => ({ id: crypto.randomUUID() }),
  'definitions.save': ({ folder, replace }: { folder: string; replace: boolean }) => {
    if (!replace) throw definitionExists(folder)
    return { path: `${folder}/.devcontainer/devcontainer.json` }
  },
  'workspaces.survival': ({ action }: { action: string }) => ({
    kept:
      action === 'delete'
        ? []
        : [
            { what: 'Source', path: '/workspaces/atlas' },
            { what: 'Home folder', path: '/home/vscode' },
          ],
    lost:
      action === 'delete'
        ? [
            { what: 'Source', path: '/workspaces/atlas' },
            { what: 'Home folder', path: '/home/vscode' },
            { what: 'Everything else in the container' },
            { what: 'The 2 snapshots of its data', keepable: true },
          ]
        : [
            { what: 'Running processes and terminals' },
            ...(action === 'rebuild' ? [{ what: 'Files outside source and home folder' }] : []),
          ],
    unsaved: [{ repository: '/workspaces/atlas', uncommitted: 3, untracked: 1, unpushed: 2, stashed: 0 }],
    unsavedKnown: true,
    ...(action === 'force-stop' && {
      risk: 'Its node is not waited for. If the node still runs, the old programs go on there, unseen, until it is heard of again, and may write to the volume meanwhile. Do it when you know that the node is off, or that nothing runs there which writes.',
    }),
  }),
  'targets.room': ({ kubernetes }: { kubernetes?: object }) =>
    kubernetes && 'storage' in kubernetes ? room : shortOfRoom,
  'targets.namespaces': () => namespaces,
  'workspaces.create': () => ({ operationId: 'op-create', workspaceId: 'wcreate001' }),
  'workspaces.stats': () => ({ cpu: 0.34, memory: 812_000_000, memoryLimit: 8_200_000_000 }),
  'workspaces.diagnose': ({ workspaceId }: { workspaceId: string }) => diagnoses[workspaceId] ?? [],
  'doctor.run': () => [
    { name: 'Berth', state: 'ok', message: '0.1.0 on linux/x64, Node 22.12.0, Electron 45.4.1' },
    { name: 'git', state: 'ok', message: '2.39.5' },
    { name: 'URL router', state: 'warning', message: 'Port 7080 is in use. URLs then have another port' },
    {
      name: 'Docker default',
      state: 'failed',
      message: 'unix:///var/run/docker.sock: Docker does not answer',
      problem: problems.unreachable,
    },
  ],
  'sessions.foreground': ({ sessionId }: { sessionId: string }) =>
    ['sapp', 'scrowd0'].includes(sessionId)
      ? {
          process: {
            name: 'streamlit',
            command: '/usr/local/bin/python /usr/local/bin/streamlit run app.py',
          },
        }
      : {},
  'sessions.close': ({ sessionId }: { sessionId: string }) => {
    change('sessions', { removes: [sessionId] })
    return {}
  },
  'credentials.answer': ({ consentId }: { consentId: string }) => {
    change('consents', { removes: [consentId] })
    return {}
  },
  'credentials.revoke': ({ workspaceId }: { workspaceId: string }) => {
    change('grants', { removes: [workspaceId] })
    return {}
  },
  'operations.output': ({ operationId }: { operationId: string }) =>
    operationId === failedOperation.id
      ? [
          {
            stepId: 'postCreateCommand',
            offset: 0,
            text: `Collecting streamlitt\n\u001b[31m${problems.lifecycle.detail}\u001b[0m\n`,
          },
        ]
      : [
          {
            stepId: 'image',
            offset: 0,
            text: '3.12: Pulling from devcontainers/python\n\u001b[32m8a1e25ce7c4f: Pull complete\u001b[0m\n0f6a9ba0fd0c: Downloading\n',
          },
        ],
  'files.list': ({ path }: { path?: string }) => listing(path),
  'files.preview': ({ path }: { path: string }) => preview(path),
  'settings.change': (fields: object) => {
    settings = Settings.parse({ ...settings, ...fields })
    change('settings', { upserts: [{ id: 'settings', value: settings }] })
    return settings
  },
}

const formatted = (source: Preview['source']) =>
  source.kind === 'git' ? source.url : source.kind === 'folder' ? source.path : source.image

function answer(name: string, input: unknown): unknown {
  const schema = requests[name as keyof typeof requests]?.input
  const parsed = schema?.safeParse(input)
  if (!parsed?.success) {
    console.error('fake engine: bad request', name, input, parsed?.error)
    return { ok: false, problem: { code: 'invalid-input', title: 'Bad request', cause: name, remedy: '' } }
  }
  try {
    return { ok: true, value: answers[name]?.(parsed.data as never) ?? {} }
  } catch (problem) {
    return { ok: false, problem }
  }
}

/** A terminal that shows a prompt and echoes what is typed. */
function serveTerminal(port: MessagePort): void {
  const prompt = '\u001b[32mvscode\u001b[0m:\u001b[34m/workspaces/atlas\u001b[0m$ '
  const encoder = new TextEncoder()
  port.onmessage = ({ data }) => {
    if (data.type !== 'input') return
    const text = new TextDecoder().decode(data.data).replaceAll('\r', `\r\n${prompt}`)
    port.postMessage({ type: 'data', data: encoder.encode(text) })
  }
  port.postMessage({
    type: 'replay',
    data: encoder.encode(
      `${prompt}streamlit run app.py\r\n\r\n  You can now view your app in your browser.\r\n\r\n  Local URL: \u001b[36mhttp://localhost:8501\u001b[0m\r\n\r\n${prompt}`,
    ),
    columns: 80,
    rows: 24,
  })
}

function serveStream(stream: string, port: MessagePort): void {
  ports.add(port)
  if (stream === 'terminal') serveTerminal(port)
  if (stream !== 'logs') return
  let line = 0
  const encoder = new TextEncoder()
  const print = (lines: number) => {
    let text = ''
    for (let index = 0; index < lines; index++) {
      line += 1
      const level = line % 7 === 0 ? '\u001b[33mWARN\u001b[0m ' : '\u001b[32mINFO\u001b[0m '
      text += `2026-11-22T14:${String(line % 60).padStart(2, '0')}:07Z ${level} request ${line} GET /api/items/${line} 200 in ${line % 90} ms ${line % 11 === 0 ? 'with a much longer tail that shows how a line is wrapped when it does not fit into the width of the window any more, as access logs tend to do' : ''}\r\n`
    }
    port.postMessage({ type: 'data', channel: 'stdout', data: encoder.encode(text) })
  }
  print(400)
  setInterval(() => print(1), 700)
}

function serveEngine(port: MessagePort): void {
  enginePort = port
  versions.clear()
  port.onmessage = (event: MessageEvent) => {
    const message = event.data
    if (message.type === 'open' && event.ports[0]) serveStream(message.stream, event.ports[0])
    if (message.type === 'request') {
      const delay = message.name === 'workspaces.preview' ? 600 : 20
      setTimeout(
        () => send({ type: 'response', id: message.id, result: answer(message.name, message.input) }),
        delay,
      )
    }
  }
  for (const name of Object.keys(collections) as CollectionName[]) {
    const records: readonly unknown[] =
      name === 'settings'
        ? [{ id: 'settings', value: settings }]
        : name === 'engine'
          ? [{ id: 'engine', version: '0.1.0', routerPort: 7080 }]
          : (scene[name] ?? [])
    for (const record of records) {
      const parsed = collections[name].safeParse(record)
      if (!parsed.success) console.error('fake engine: bad record', name, record, parsed.error)
    }
    change(name, { snapshot: records })
  }
}

let stateListener: ((state: unknown) => void) | undefined
const shell: Record<string, (input: never) => unknown> = {
  'shell.connectEngine': () => {
    if (parameters.has('offline')) return {}
    setTimeout(() => {
      const { port1, port2 } = new MessageChannel()
      serveEngine(port1)
      window.postMessage(ENGINE_PORT_MESSAGE, location.origin, [port2])
    }, 30)
    return {}
  },
  'shell.info': () => ({
    version: '0.1.0',
    platform: 'linux',
    electron: '45.4.1',
    example: '/opt/berth/resources/example',
  }),
  'shell.chooseFolder': () => ({ path: '/home/maria/src/docs' }),
  'shell.chooseUpload': () => ({ paths: ['/home/maria/notes.txt'] }),
  'shell.readClipboard': () => ({ text: '' }),
}

Object.assign(window, {
  berth: {
    platform: parameters.get('platform') ?? 'linux',
    shell: {
      call: async (name: ShellRequestName, input: unknown) => ({
        ok: true,
        value: shell[name]?.(input as never) ?? {},
      }),
    },
    onEngineState(listener: (state: unknown) => void) {
      stateListener = listener
      listener({ state: 'ready' })
      return () => undefined
    },
    onAssistive(listener: (on: boolean) => void) {
      listener(parameters.has('reader'))
      return () => undefined
    },
    onCommand: () => () => undefined,
    pathOf: (file: File) => `/home/maria/${file.name}`,
    giveMemoryBack: () => undefined,
  },
  fake: {
    change,
    event: (name: string, payload: unknown) => send({ type: 'event', name, payload }),
    crash: (state: unknown) => {
      enginePort?.close()
      stateListener?.(state)
    },
  },
})
