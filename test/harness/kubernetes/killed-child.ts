import { startCluster } from './cluster'

/** A process to be killed: starts a cluster of the binaries in the folder that is its argument, prints the cluster's folder, and goes on. */
const [, , binaries = ''] = process.argv
const { folder } = await startCluster({ binaries })
process.stdout.write(`${folder}\n`)
setInterval(() => undefined, 60_000)
