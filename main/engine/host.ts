import type { EventPayload, HostReport, HostRequest } from '#contract'
import { giveMemoryBack } from './give-back'
import { type HostPort, hostEndpoint } from './host-port'
import { createEngine, createNodePlatform, serve } from './index'
import type { Disposer } from './platform/disposable'
import { createJsonLogger } from './platform/logger'

// Entry of the engine's utility process. The shell hands it windows' ports, asks whether it lives, and ends it.
// Arguments: Berth's version, and the folder of the files shipped with it.

/** More errors than this that nobody caught, within a minute, and the process gives up: the shell starts a new one. */
const MAX_UNCAUGHT = 20

const logger = createJsonLogger((line) => process.stderr.write(line))
const report = (message: HostReport) => process.parentPort.postMessage(message)

let uncaught: number[] = []
function survive(kind: string, error: unknown): void {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  logger.error('Nobody caught an error', { kind, detail })
  uncaught = [...uncaught.filter((time) => Date.now() - time < 60_000), Date.now()]
  if (uncaught.length > MAX_UNCAUGHT) process.exit(70)
}

const [version, resources] = process.argv.slice(-2)
if (!version || !resources) throw new Error('The engine was started without its arguments')
const clients = new Set<Disposer>()
const engine = createEngine({
  platform: createNodePlatform({ version, resources, logger }),
  // Who looks at a window can be asked.
  attended: () => clients.size > 0,
  sharesGateway: true,
  livesOn: true,
})
// From here on one broken stream must not take the others with it. What breaks before is the shell's to see.
process.on('uncaughtException', (error) => survive('exception', error))
process.on('unhandledRejection', (error) => survive('rejection', error))

giveMemoryBack()

process.parentPort.on('message', ({ data, ports }) => {
  const request = data as HostRequest
  if (request.type === 'ping') report({ type: 'pong', id: request.id })
  else if (request.type === 'shutdown') void shutdown()
  else for (const port of ports) connect(port as HostPort)
})

function connect(port: HostPort): void {
  const endpoint = hostEndpoint(port)
  const dispose = serve(engine, endpoint, logger)
  clients.add(dispose)
  endpoint.onClose(() => clients.delete(dispose))
}

let ending = false
async function shutdown(): Promise<void> {
  if (ending) return
  ending = true
  for (const dispose of clients) await dispose()
  await engine.dispose()
  process.exit(0)
}

engine.onEvent((name, payload) => {
  if (name !== 'workspace.idle') return
  const { name: workspace, minutesLeft, reason } = payload as EventPayload<'workspace.idle'>
  report({
    type: 'notice',
    title: `${workspace} stops in ${minutesLeft} min`,
    body: `Nothing has happened in it. Last: ${reason}.`,
  })
})

let told = ''
function reportActivity(): void {
  const sessions = engine.collections.sessions.list().filter((session) => session.state !== 'ended').length
  const forwards = engine.collections.ports
    .list()
    .filter((port) => port.forward && port.state === 'live').length
  const transfers = engine.collections.transfers.list().filter(({ endedAt }) => endedAt === undefined).length
  const now = `${sessions} ${forwards} ${transfers}`
  if (now === told) return
  told = now
  report({ type: 'activity', sessions, forwards, transfers })
}
engine.collections.sessions.onChange(reportActivity)
engine.collections.ports.onChange(reportActivity)
engine.collections.transfers.onChange(reportActivity)

logger.info('The engine is ready', { milliseconds: Math.round(performance.now()) })
report({ type: 'ready' })
