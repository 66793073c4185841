import { problem, type StreamDown } from '#contract'
import { endpointPair } from '../../main/engine/platform/endpoint-pair'
import { whyEnded } from '../attend-workspaces'
import type { CommandContext } from '../execute'
import { findWorkspace } from '../select'

export interface LogsOptions {
  readonly follow?: boolean
  readonly tail?: number
  readonly service?: string
}

/** `berth logs`: what the workspace's main process, or that of a service, printed, its stdout on ours and its stderr on ours. */
export async function logs(context: CommandContext, text: string, options: LogsOptions): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  const [client, server] = endpointPair()
  const { stdout, stderr } = context.console

  let ended = false
  await new Promise<void>((resolve, reject) => {
    let last: Promise<void> = Promise.resolve()
    const finish = (action: () => void) => {
      context.signal.removeEventListener('abort', onAbort)
      client.close()
      // Ends after the last byte is written, not after it is handed over.
      void last.then(action)
    }
    // Following ends by Ctrl-C: that is how it is meant to end.
    const onAbort = () => finish(resolve)
    client.onClose(() => finish(resolve))
    client.onMessage((raw) => {
      const message = raw as StreamDown<'logs'>
      if (message.type === 'data') {
        const out = message.channel === 'stderr' ? stderr : stdout
        last = new Promise((written) => {
          out.write(message.data, () => {
            client.post({ type: 'ack', bytes: message.data.length })
            written()
          })
        })
      } else if (message.message === undefined) {
        ended = true
        finish(resolve)
      } else {
        const cause = message.message
        finish(() =>
          reject(
            problem({
              code: 'connection-lost',
              title: 'The log broke off',
              cause,
              remedy: 'Follow it again.',
            }),
          ),
        )
      }
    })
    context.signal.addEventListener('abort', onAbort, { once: true })
    engine.open(
      'logs',
      {
        workspaceId: workspace.id,
        follow: options.follow === true,
        ...(options.tail === undefined ? {} : { tail: options.tail }),
        ...(options.service === undefined ? {} : { service: options.service }),
      },
      server,
    )
  })
  if (!options.follow || !ended || context.signal.aborted) return
  const why = await whyEnded(engine, workspace)
  if (why !== undefined) context.say(why)
}
