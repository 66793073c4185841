import { Agent, request } from 'node:https'
import type { ApiAccess } from './place'

/** The API server asked without Berth: what makes objects in number, and says what the truth is. */
export interface BareApi {
  /** Resolves with the object of an answer below 300; rejects with an error of its `status` else. */
  call<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T>
  /** Calls back for each event of a watch, until the signal. Rejects when the server ends it before. */
  watch<T>(path: string, onEvent: (event: WatchedEvent<T>) => void, signal: AbortSignal): Promise<void>
  dispose(): void
}

export interface WatchedEvent<T> {
  readonly type: string
  readonly object: T
}

export function bareApi({ server, ca, token }: ApiAccess): BareApi {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ca })
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
  return {
    call: <T>(method: string, path: string, body?: unknown, contentType = 'application/json') =>
      new Promise<T>((resolve, reject) => {
        const text = body === undefined ? undefined : JSON.stringify(body)
        const about = {
          ...(text !== undefined && {
            'content-type': contentType,
            'content-length': Buffer.byteLength(text),
          }),
        }
        const asked = request(
          `${server}${path}`,
          { agent, method, headers: { ...headers, ...about } },
          (answer) => {
            const chunks: Buffer[] = []
            answer.on('data', (chunk: Buffer) => chunks.push(chunk))
            answer.once('error', reject)
            answer.once('end', () => {
              const said = Buffer.concat(chunks).toString('utf8')
              const status = answer.statusCode ?? 0
              if (status < 300) resolve(JSON.parse(said) as T)
              else
                reject(
                  Object.assign(new Error(`${method} ${path}: ${status} ${said.slice(0, 500)}`), { status }),
                )
            })
          },
        )
        asked.once('error', reject)
        asked.end(text)
      }),
    watch: <T>(path: string, onEvent: (event: WatchedEvent<T>) => void, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        let rest = ''
        signal.addEventListener('abort', () => resolve(), { once: true })
        request(`${server}${path}`, { agent: false, ca, headers, signal }, (answer) => {
          answer.setEncoding('utf8')
          answer.on('data', (text: string) => {
            const lines = (rest + text).split('\n')
            rest = lines.pop() ?? ''
            for (const line of lines) onEvent(JSON.parse(line) as WatchedEvent<T>)
          })
          answer.once('error', reject)
          answer.once('end', () => reject(new Error('the watch ended')))
        })
          .once('error', reject)
          .end()
      }),
    dispose: () => agent.destroy(),
  }
}
