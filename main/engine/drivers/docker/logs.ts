import { problem } from '#contract'
import type { LogOptions, LogStream } from '../driver'
import { noService } from '../shared/services'
import type { ContainerInspect } from './api'
import type { EngineClient } from './client'
import { type Locator, QUICK } from './container/locate'
import { connectionLost, isStatus } from './problems'
import type { Services } from './service/services'
import { readOutputs } from './streams/output'

/** See {@link Driver.logs}. */
export async function openLogs(
  client: EngineClient,
  locator: Locator,
  services: Services,
  id: string,
  options: LogOptions,
  signal: AbortSignal,
): Promise<LogStream> {
  try {
    return await locator.with(
      id,
      async (workspace) => {
        const { service } = options
        const containerId =
          service === undefined ? workspace : await services.containerBeside(workspace, service, signal)
        if (containerId === undefined) throw problem(noService(service ?? ''))
        const connection = await client.raw(`/containers/${containerId}/logs`, {
          query: {
            stdout: true,
            stderr: true,
            follow: options.follow,
            ...(options.tail !== undefined && { tail: options.tail }),
          },
          signal,
        })
        const outputs = readOutputs(connection.socket, connection.head, true)
        let destroyed = false
        const destroy = () => {
          if (destroyed) return
          destroyed = true
          signal.removeEventListener('abort', destroy)
          outputs.finish()
          outputs.stdout.destroy()
          outputs.stderr?.destroy()
          connection.socket.destroy()
        }
        signal.addEventListener('abort', destroy, { once: true })
        const end = outputs.ended.then(async ({ error, clean, systemError }) => {
          signal.removeEventListener('abort', destroy)
          connection.socket.destroy()
          if (destroyed) return {}
          const cut =
            error || !clean || systemError || (await endedEarly(client, containerId, options.follow))
          if (!cut) return {}
          const detail = systemError || (error ? error.message : undefined)
          return { problem: connectionLost(client.identity.targetName, detail) }
        })
        return { stdout: outputs.stdout, stderr: outputs.stderr ?? outputs.stdout, end, destroy }
      },
      signal,
    )
  } catch (error) {
    throw client.failure(error, 'The logs could not be read', signal)
  }
}

/**
 * Over HTTP/1.0 the end of the connection is the end of the log, so an engine that died looks the same: asks whether
 * it still answers and, when following, whether the container has ended indeed.
 */
async function endedEarly(client: EngineClient, containerId: string, follow: boolean): Promise<boolean> {
  try {
    const { State } = await client.json<ContainerInspect>('GET', `/containers/${containerId}/json`, {
      timeout: QUICK,
    })
    return follow && State.Running
  } catch (error) {
    return !isStatus(error, 404)
  }
}
