import { readFile } from 'node:fs/promises'

/** What runs the containers of a cluster's node: the node's own, beside whatever the machine has. */
export interface ContainerRuntime {
  /** What the kubelet is told of it: fields of its configuration, and flags. */
  readonly kubelet: { readonly settings: object; readonly flags: readonly string[] }
  /** Writes what it reads. */
  layOut(): Promise<void>
  /** Resolves when it answers. */
  start(): Promise<void>
  /** Copies an image of the machine's Docker engine into it. */
  loadImage(name: string): Promise<void>
}

/** What holds a pod's network: anything that stays. */
export const pauseImage = 'berth-test/pause'
/** Its one program is `/busybox`. As the real one: it reaps what is orphaned, and ends at once when it is told to, which every pod's end waits for. */
export const pauseCommand = [
  '/busybox',
  'sh',
  '-c',
  'trap "exit 0" TERM INT; while :; do /busybox sleep 86400 & wait $!; done',
]

/**
 * Whether this process may ask for an out-of-memory score below its own (CAP_SYS_RESOURCE, capability(7)), as every
 * pod's sandbox does.
 */
export async function mayLowerScores(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  return ((effective >> 24n) & 1n) === 1n
}
