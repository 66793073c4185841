import { type Field, readFields, textOf } from './protobuf'

/** A step of a build, as BuildKit tells of it (moby/buildkit, api/services/control/control.proto, `Vertex`). */
export interface Vertex {
  readonly digest: string
  /** `[2/4] RUN make`. */
  readonly name: string
  readonly cached: boolean
  readonly started: boolean
  readonly completed: boolean
  /** Empty where nothing went wrong. */
  readonly error: string
}

/** How far something within a step is: a layer that is pulled, say (`VertexStatus`). */
export interface VertexStatus {
  readonly id: string
  readonly vertex: string
  /** Bytes, where `total` is not 0. */
  readonly current: number
  readonly total: number
  readonly completed: boolean
}

/** What a step printed (`VertexLog`). */
export interface VertexLog {
  readonly vertex: string
  readonly text: Buffer
}

/** A message of BuildKit's progress stream (`StatusResponse`). */
export interface Trace {
  readonly vertexes: readonly Vertex[]
  readonly statuses: readonly VertexStatus[]
  readonly logs: readonly VertexLog[]
  /** One line each. */
  readonly warnings: readonly string[]
}

/** Reads a `StatusResponse`. Throws where it is none. */
export function readTrace(message: Buffer): Trace {
  const vertexes: Vertex[] = []
  const statuses: VertexStatus[] = []
  const logs: VertexLog[] = []
  const warnings: string[] = []
  for (const { number, value } of readFields(message)) {
    if (typeof value === 'number') continue
    if (number === 1) vertexes.push(readVertex(value))
    else if (number === 2) statuses.push(readStatus(value))
    else if (number === 3) logs.push(readLog(value))
    else if (number === 4) warnings.push(readWarning(value))
  }
  return { vertexes, statuses, logs, warnings }
}

function readVertex(message: Buffer): Vertex {
  const fields = byNumber(message)
  return {
    digest: text(fields, 1),
    name: text(fields, 3),
    cached: integer(fields, 4) === 1,
    started: fields.has(5),
    completed: fields.has(6),
    error: text(fields, 7),
  }
}

function readStatus(message: Buffer): VertexStatus {
  const fields = byNumber(message)
  return {
    id: text(fields, 1),
    vertex: text(fields, 2),
    current: integer(fields, 4),
    total: integer(fields, 5),
    completed: fields.has(8),
  }
}

function readLog(message: Buffer): VertexLog {
  const fields = byNumber(message)
  const said = fields.get(4)?.value
  return { vertex: text(fields, 1), text: Buffer.isBuffer(said) ? said : Buffer.alloc(0) }
}

function readWarning(message: Buffer): string {
  return text(byNumber(message), 3)
}

function byNumber(message: Buffer): Map<number, Field> {
  return new Map([...readFields(message)].map((field) => [field.number, field]))
}

function text(fields: ReadonlyMap<number, Field>, number: number): string {
  const field = fields.get(number)
  return field ? textOf(field) : ''
}

function integer(fields: ReadonlyMap<number, Field>, number: number): number {
  const value = fields.get(number)?.value
  return typeof value === 'number' ? value : 0
}
