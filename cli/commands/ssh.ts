import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { problem, type Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import type { CommandContext } from '../execute'
import { runOperation } from '../operation'
import { findWorkspace, requireRunning } from '../select'

/** `berth ssh`: the OpenSSH client of this machine, in a workspace; what follows the workspace is for it. */
export async function ssh(
  context: CommandContext,
  text: string,
  args: readonly string[],
  options: { readonly start?: boolean },
): Promise<number> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  if (options.start) await start(context, engine, workspace)
  else requireRunning(workspace)
  const { config } = await engine.access.sshConfig.prepare()
  // Its ProxyCommand comes back here, where all is ready.
  const close = await engine.access.gateway.listen()
  try {
    return await run(context, ['-F', config, engine.access.hostOf(workspace), ...args])
  } finally {
    await close()
  }
}

/** For a host of SSH: starts its workspace, if it does not run. */
export async function startHost(context: CommandContext, host: string): Promise<void> {
  const engine = await context.engine()
  const [name = '', ...where] = host.replace(/\.berth$/, '').split('.')
  const workspace = await findWorkspace(engine, [...where, name].join('/'), context.signal)
  await start(context, engine, workspace)
}

async function start(context: CommandContext, engine: Engine, { id, state }: Workspace): Promise<void> {
  if (state === 'running' || state === 'starting' || state === 'creating') return
  await runOperation(context, engine, () =>
    engine.call('workspaces.start', { workspaceId: id }, context.signal),
  )
}

/** Runs ssh on our own terminal, and answers with its exit code. */
function run(context: CommandContext, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', [...args], { stdio: 'inherit' })
    // A key on the terminal is for ssh; what comes from elsewhere is passed on.
    const release = context.interrupts.takeOver((signal) => {
      if (signal !== 'SIGINT') child.kill(signal)
    })
    child.once('error', (error) => {
      release()
      reject(
        problem({
          code: 'unsupported',
          title: 'ssh could not be started',
          cause: `${error.message}.`,
          remedy: 'Install the OpenSSH client, and see that it is found in PATH.',
        }),
      )
    })
    child.once('exit', (code, signal) => {
      release()
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))
    })
  })
}
