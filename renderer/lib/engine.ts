import { create, type StoreApi, type UseBoundStore } from 'zustand'
import type { CollectionChange, CollectionName, CollectionRecord, EngineState } from '#contract'
import { callShell, onEnginePort } from './bridge'
import { type ConnectionState, EngineClient } from './engine-client'
import { noteWork } from './give-back'

export type { ConnectionState, Stream } from './engine-client'

/** The window's copy of one of the engine's collections. Only the engine changes it. */
export interface CollectionState<N extends CollectionName> {
  /** False until the first snapshot. While the connection is lost the last known records stay. */
  readonly loaded: boolean
  readonly records: ReadonlyMap<string, CollectionRecord<N>>
  /** The same records, in the order in which they came. */
  readonly list: readonly CollectionRecord<N>[]
}

export type CollectionStore<N extends CollectionName> = UseBoundStore<StoreApi<CollectionState<N>>>

function createCollectionStore<N extends CollectionName>(): CollectionStore<N> {
  return create<CollectionState<N>>(() => ({ loaded: false, records: new Map(), list: [] }))
}

/** One store per collection of the contract. */
export const collectionStores: { readonly [N in CollectionName]: CollectionStore<N> } = {
  targets: createCollectionStore<'targets'>(),
  workspaces: createCollectionStore<'workspaces'>(),
  operations: createCollectionStore<'operations'>(),
  sessions: createCollectionStore<'sessions'>(),
  arrangements: createCollectionStore<'arrangements'>(),
  ports: createCollectionStore<'ports'>(),
  detections: createCollectionStore<'detections'>(),
  sockets: createCollectionStore<'sockets'>(),
  transfers: createCollectionStore<'transfers'>(),
  consents: createCollectionStore<'consents'>(),
  grants: createCollectionStore<'grants'>(),
  activities: createCollectionStore<'activities'>(),
  policies: createCollectionStore<'policies'>(),
  settings: createCollectionStore<'settings'>(),
  engine: createCollectionStore<'engine'>(),
}

/** What comes of a collection when a change is applied to it. */
export function applyChange<N extends CollectionName>(
  state: CollectionState<N>,
  change: CollectionChange<N>,
): CollectionState<N> {
  const records = new Map(change.snapshot ? [] : state.records)
  for (const record of change.snapshot ?? change.upserts) records.set(record.id, record)
  for (const id of change.removes) records.delete(id)
  return { loaded: true, records, list: [...records.values()] }
}

function receiveChange<N extends CollectionName>(change: CollectionChange<N>): void {
  const store: CollectionStore<N> = collectionStores[change.collection]
  store.setState((state) => applyChange(state, change))
}

/** The connection to the engine, and how often it was made: a view that must start anew after a crash keys on `epoch`. */
export const useConnection = create<{
  readonly state: ConnectionState
  readonly process: EngineState
  readonly epoch: number
}>(() => ({ state: 'connecting', process: { state: 'starting' }, epoch: 0 }))

/** The one connection of this window. */
export const engine = new EngineClient({
  requestPort: async () => (await callShell('shell.connectEngine', {})).ok,
  onState: (state) =>
    useConnection.setState((now) => ({ state, epoch: state === 'ready' ? now.epoch + 1 : now.epoch })),
  onChange: receiveChange,
  onTraffic: noteWork,
})

/** Connects this window, now and after every crash of the engine. Called once, by the entry. */
export function startEngineConnection(): void {
  onEnginePort((port) => engine.attach(port))
  window.berth.onEngineState((process) => {
    useConnection.setState({ process })
    // The port's own end tells as much; whichever is noticed first.
    if (process.state === 'crashed' && engine.state === 'ready') engine.lose()
  })
  engine.connect()
}

/** Asks the engine. Never rejects; waits for a connection where there is none. */
export const request: EngineClient['request'] = (name, input, signal) => engine.request(name, input, signal)

/** Opens a byte stream. See {@link EngineClient.openStream}. */
export const openStream: EngineClient['openStream'] = (stream, input) => engine.openStream(stream, input)
