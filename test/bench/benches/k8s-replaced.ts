import { connect } from 'node:net'
import { objectName } from '../../../main/engine/drivers/kubernetes/workspace/anatomy'
import { TEST_IMAGES } from '../../harness/images'
import type { Bench } from '../bench'
import { type BareApi, bareApi } from '../kubernetes/api'
import { berthForward } from '../kubernetes/forward'
import { openPlace, type Place } from '../kubernetes/place'
import { SERVER_PORT, say, serverProgram } from '../kubernetes/pod-server'

/** Milliseconds from one connection to the next of those who keep asking. */
const EVERY = 50
/** Milliseconds in which a pod has to be replaced. */
const PATIENCE = 60_000

export const replaced: Bench = {
  name: 'k8s-replaced',
  title: 'pod replaced: from Ready, and listening, to the first byte through the same local address, p95',
  unit: 'ms',
  target: { kind: 'value', atMost: 500 },
  rounds: 20,
  quantile: 0.95,
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    const pod = workspace.container
    const api = bareApi(place.access)
    await addServer(place, workspace.id)
    await replace(place, api, pod)
    const forward = await berthForward(place, workspace, SERVER_PORT)
    await ask(forward.localPort)
    let refused = 0
    let longest = 0
    return {
      async ours() {
        const begun = Date.now()
        // From the moment that the old pod is gone nobody is to be refused.
        const answers = new Answers(forward.localPort)
        try {
          const { uid, readyAt } = await replace(place, api, pod, () => void answers.begin())
          const answer = await answers.first(uid)
          longest = Math.max(longest, readyAt - begun)
          return Math.max(0, answer.at - Math.max(readyAt, answer.listeningSince))
        } finally {
          await answers.end()
          refused += answers.refused
        }
      },
      facts: async () => [
        { what: 'refused or broken connections (0)', value: String(refused), pass: refused === 0 },
        {
          what: 'longest replacement, from the deletion to Ready',
          value: `${(longest / 1000).toFixed(1)} s`,
          pass: true,
        },
      ],
      async dispose() {
        await forward.dispose()
        api.dispose()
        await place.dispose()
      },
    }
  },
}

/** A second container, so that the server is there as soon as the pod is: pods made from now on have it. */
async function addServer(place: Place, id: string): Promise<void> {
  const server = {
    name: 'server',
    image: TEST_IMAGES.debian,
    imagePullPolicy: 'IfNotPresent',
    command: ['python3', '-u', '-c', serverProgram, '$(POD_UID)'],
    env: [{ name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }],
  }
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [server] } } } })
  await place.run(['patch', 'statefulset', objectName(id), '--type', 'strategic', '--patch', patch])
}

interface Pod {
  readonly metadata: { readonly uid: string; readonly name: string }
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** Removes the pod as a node does that is gone; resolves when its successor is ready. Times are Unix milliseconds. */
async function replace(
  place: Place,
  api: BareApi,
  name: string,
  onGone: () => void = () => undefined,
): Promise<{ readonly uid: string; readonly readyAt: number }> {
  const path = `/api/v1/namespaces/${place.namespace}/pods`
  const { metadata } = await api.call<Pod>('GET', `${path}/${name}`)
  const over = new AbortController()
  const limit = AbortSignal.any([over.signal, AbortSignal.timeout(PATIENCE)])
  let found: { readonly uid: string; readonly readyAt: number } | undefined
  const watching = api.watch<Pod>(
    `${path}?watch=true&fieldSelector=metadata.name%3D${name}`,
    ({ object }) => {
      const isReady = object.status?.conditions?.some(
        ({ type, status }) => type === 'Ready' && status === 'True',
      )
      if (object.metadata.uid === metadata.uid || !isReady || found) return
      found = { uid: object.metadata.uid, readyAt: Date.now() }
      over.abort()
    },
    limit,
  )
  const body = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } }
  await Promise.all([watching, api.call('DELETE', `${path}/${name}`, body).then(onGone)])
  if (!found) throw new Error(`no pod was ready after ${PATIENCE / 1000} s`)
  return found
}

interface Answer {
  readonly uid: string
  /** Unix milliseconds. */
  readonly listeningSince: number
  readonly at: number
}

/** Those who connect to the local address, one after another, and ask who is there. */
class Answers {
  refused = 0
  readonly #port: number
  readonly #over = new AbortController()
  readonly #asking = new Set<Promise<void>>()
  readonly #firsts = new Map<string, Answer>()
  #wake: () => void = () => undefined

  constructor(port: number) {
    this.#port = port
  }

  /** The next one connects every {@link EVERY}, whether those before were answered or not. */
  async begin(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, EVERY))
      const asked = this.#ask().finally(() => this.#asking.delete(asked))
      this.#asking.add(asked)
    }
  }

  async #ask(): Promise<void> {
    try {
      const answer = await ask(this.#port)
      if (this.#firsts.has(answer.uid)) return
      this.#firsts.set(answer.uid, answer)
      this.#wake()
    } catch {
      this.refused += 1
    }
  }

  async first(uid: string): Promise<Answer> {
    for (;;) {
      const answer = this.#firsts.get(uid)
      if (answer) return answer
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Nobody else comes; resolves when all who came were answered or refused: the next round is not to wait behind them. */
  async end(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#asking)
  }
}

/** Rejects where the connection is refused, or ends without an answer. */
function ask(port: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write(say.who))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (!text.endsWith('\n')) return
      const [uid = '', listeningSince] = text.trim().split(' ')
      resolve({ uid, listeningSince: Number(listeningSince), at: Date.now() })
      socket.end()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('a connection ended without an answer')))
  })
}
