import { randomBytes } from 'node:crypto'
import { performServerHandshake } from 'node:http2'
import { Duplex } from 'node:stream'
import type { StepReport } from '../../../driver'
import { type Method, serveGrpc, unary } from './grpc'
import { type GrpcCall, GrpcClient } from './grpc-client'
import { BuildProgress, type FailedStep } from './progress'
import { bytesField, readFields, textOf, writeMessage } from './protobuf'
import { readTrace } from './trace'

/** What is to be built, and what becomes of it (moby/buildkit, api/services/control/control.proto, `SolveRequest`). */
export interface SolveRequest {
  readonly frontend: string
  readonly attributes: Readonly<Record<string, string>>
  /** Graphs of operations under names, see llb.ts. */
  readonly inputs?: Readonly<Record<string, Buffer>>
  /** `image`, with its attributes; absent: the result stays in the builder's cache. */
  readonly exporter?: { readonly type: string; readonly attributes: Readonly<Record<string, string>> }
  /** Images of registries. */
  readonly cacheFrom?: readonly string[]
  /** Rights beyond the usual: `network.host`. */
  readonly entitlements?: readonly string[]
}

/** What BuildKit said, and at which of its steps. */
export class SolveFailure extends Error {
  readonly step: FailedStep | undefined

  constructor(message: string, step: FailedStep | undefined, cause: unknown) {
    super(message, { cause })
    this.step = step
  }
}

/** Health of a gRPC server (grpc.health.v1): `SERVING`. */
const healthy: Method = unary(() => writeMessage([[1, 1]]))
const service = '/moby.buildkit.v1.Control'

/**
 * Builds with a BuildKit that is at the other end of a connection (moby/buildkit, api/services/control: Session, Solve
 * and Status), and answers by `methods` what it asks meanwhile. Returns what the exporter says. Rejects with
 * {@link SolveFailure}, or with the signal's reason; the connection is over then, and the build with it.
 */
export async function solve(
  connection: Duplex,
  request: SolveRequest,
  methods: ReadonlyMap<string, Method>,
  report: StepReport,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  signal.throwIfAborted()
  const client = new GrpcClient(connection)
  const onAbort = () => client.close()
  signal.addEventListener('abort', onAbort, { once: true })
  const reference = randomBytes(12).toString('hex')
  const session = randomBytes(16).toString('hex')
  const progress = new BuildProgress(report)
  try {
    serveSession(client, session, methods)
    const following = follow(client, reference, progress)
    try {
      const answer = await client.ask(`${service}/Solve`, writeSolve(request, reference, session), signal)
      await following
      return new Map(readMap(answer, 1))
    } catch (error) {
      signal.throwIfAborted()
      await following
      const said = error instanceof Error ? error.message : String(error)
      throw new SolveFailure(said, progress.failed, client.failure ?? error)
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    client.close()
  }
}

/** Never rejects: that a build failed, its answer says better. */
async function follow(client: GrpcClient, reference: string, progress: BuildProgress): Promise<void> {
  const call = client.call(`${service}/Status`)
  try {
    await call.send(writeMessage([[1, reference]]))
    call.end()
    for await (const message of call.messages) progress.take(readTrace(message))
  } catch {
    // It is over.
  }
}

/** BuildKit's questions come on an HTTP/2 connection of their own, within the messages of one call. */
function serveSession(client: GrpcClient, id: string, methods: ReadonlyMap<string, Method>): void {
  const served = new Map([...methods, ['/grpc.health.v1.Health/Check', healthy]])
  const call = client.call(`${service}/Session`, {
    'x-docker-expose-session-uuid': id,
    'x-docker-expose-session-name': 'berth',
    'x-docker-expose-session-sharedkey': '',
    'x-docker-expose-session-grpc-method': [...served.keys()],
  })
  serveGrpc(performServerHandshake(duplexOf(call)), served)
}

/** Bytes as messages with one field of them (`BytesMessage`). */
function duplexOf(call: GrpcCall): Duplex {
  const { messages } = call
  return new Duplex({
    read() {
      messages.next().then(
        ({ done, value }) => this.push(done ? null : bytesField(value, 1)),
        () => this.push(null),
      )
    },
    write(chunk: Buffer, _encoding, done) {
      call.send(writeMessage([[1, chunk]])).then(() => done(), done)
    },
    final(done) {
      call.end()
      done()
    },
    destroy(error, done) {
      call.cancel()
      done(error)
    },
  })
}

function writeSolve(request: SolveRequest, reference: string, session: string): Buffer {
  const { frontend, attributes, inputs = {}, exporter, cacheFrom = [], entitlements = [] } = request
  const imports = cacheFrom.map((ref) => writeMessage([[1, 'registry'], ...writeMap(2, { ref })]))
  return writeMessage([
    [1, reference],
    ...(exporter ? [[3, exporter.type] as const, ...writeMap(4, exporter.attributes)] : []),
    [5, session],
    [6, frontend],
    ...writeMap(7, attributes),
    [8, writeMessage(imports.map((one) => [5, one] as const))],
    ...entitlements.map((one) => [9, one] as const),
    ...writeMap(10, inputs),
  ])
}

/** A map is a list of messages with key and value (protobuf.dev, "Maps"). */
export function writeMap(
  number: number,
  values: Readonly<Record<string, string | Buffer>>,
): (readonly [number, Buffer])[] {
  return Object.entries(values).map(
    ([key, value]) =>
      [
        number,
        writeMessage([
          [1, key],
          [2, value],
        ]),
      ] as const,
  )
}

function readMap(message: Buffer, number: number): [string, string][] {
  const entries: [string, string][] = []
  for (const field of readFields(message)) {
    if (field.number !== number || typeof field.value === 'number') continue
    const parts = new Map([...readFields(field.value)].map((one) => [one.number, textOf(one)]))
    entries.push([parts.get(1) ?? '', parts.get(2) ?? ''])
  }
  return entries
}
