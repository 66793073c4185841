import { type Problem, problem } from '#contract'
import type { ExecProcess, KeptTerminal } from '../link/link'
import { terminalEnvironment } from './environment'
import type { SessionOptions } from './session'

/** How long the agent of a workspace that has just come up is waited for, in milliseconds. */
const AGENT_LIMIT = 20_000
/** Between two questions for it, in milliseconds. */
const AGENT_PAUSE = 200

/**
 * `found`: it runs already. `made`: it is to outlive this engine if it can. `made-patiently`: so, and the agent is waited
 * for. `made-for-sure`: so, and without an agent there is none. `passing`: it ends with this engine.
 */
type How = 'found' | 'made' | 'made-patiently' | 'made-for-sure' | 'passing'

function howToOpen({ kept, platform, task }: Pick<SessionOptions, 'kept' | 'platform' | 'task'>): How {
  if (kept) return 'found'
  // Whatever the setting says: it has to outlive this engine.
  if (task && !task.mayPass) return 'made-for-sure'
  if (!platform.settings.get().terminal.keep) return 'passing'
  return task ? 'made-patiently' : 'made'
}

/**
 * A process that outlives this engine, where that is asked for and can be; else one that ends with its connection.
 * Undefined where it runs already and cannot be reached just now. `writer`: who types.
 */
export async function openProcess(
  settings: SessionOptions,
  writer: string,
  signal: AbortSignal,
): Promise<ExecProcess | KeptTerminal | undefined> {
  const { link, command, cwd, platform, record, task } = settings
  const { clock, version } = platform
  const options = {
    ...(command ? { command } : { shell: 'login' as const }),
    tty: { columns: record.columns, rows: record.rows },
    env: { ...task?.env, ...terminalEnvironment(version, record.id) },
    ...(cwd === undefined ? {} : { cwd }),
  }
  const { service } = record
  if (service !== undefined) {
    if (task && !task.mayPass) throw notKept(inService(service))
    return link.exec({ ...options, service }, signal)
  }
  const how = howToOpen(settings)
  if (how === 'passing') return link.exec(options, signal)
  const open = () =>
    link.terminals.open(record.id, { writer, ...(how !== 'found' && { create: options }) }, signal)
  const isPatient = how === 'made-patiently' || how === 'made-for-sure'
  const limit = clock.now() + (isPatient ? AGENT_LIMIT : 0)
  let terminal = await open()
  let missing: Problem | undefined
  while (!terminal && clock.now() < limit) {
    missing = await link.missing(signal)
    // Where it is known that none will come nobody waits.
    if (missing) break
    await clock.sleep(AGENT_PAUSE, signal)
    terminal = await open()
  }
  if (terminal) return terminal
  if (how === 'made-for-sure') throw notKept(missing?.cause ?? 'No agent answers in the workspace.')
  return how === 'found' ? undefined : link.exec(options, signal)
}

const inService = (service: string) =>
  `It is in the service ${service}, and only the workspace’s own container keeps terminals.`

function notKept(why: string) {
  return problem({
    code: 'agent-unavailable',
    title: 'Nothing in the workspace keeps its terminal',
    cause: `It would end with this command. ${why}`,
    remedy: 'Start the workspace from the window, or begin the task in a terminal of your own.',
  })
}
