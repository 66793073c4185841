import { createHash } from 'node:crypto'
import { writeMap } from './control'
import { writeMessage } from './protobuf'

/** The name that an archive has while it is unpacked. */
const ARCHIVE = 'context.tar'
/** No input; no mode of its own. */
const NONE = -1

/**
 * A graph of two operations (moby/buildkit, solver/pb/ops.proto, `Definition`): what an address has, and the files
 * that are in that tar. `name` is what steps are called by. It is what BuildKit makes of a build's context itself where that is an address.
 */
export function unpackedArchive(url: string, name: string): Buffer {
  const source = writeMessage([[3, writeMessage([[1, url], ...writeMap(2, { 'http.filename': ARCHIVE })])]])
  const copy = writeMessage([
    [1, `/${ARCHIVE}`],
    [2, '/'],
    [4, NONE],
    // attemptUnpackDockerCompatibility
    [7, 1],
    [11, NONE],
  ])
  const action = writeMessage([
    [1, NONE],
    [2, 0],
    [3, 0],
    [4, copy],
  ])
  const files = writeMessage([
    [1, writeMessage([[1, digestOf(source)]])],
    [4, writeMessage([[2, action]])],
  ])
  const last = writeMessage([[1, writeMessage([[1, digestOf(files)]])]])
  const operations = [source, files, last]
  const titles = [`[context ${name}] load`, `[context ${name}] unpack`]
  // Asked for of each, also where there is nothing to say (`OpMetadata`).
  const metadata = operations.map((one, index) => {
    const title = titles[index]
    const described = title === undefined ? [] : writeMap(2, { 'llb.customname': title })
    return [digestOf(one), writeMessage(described)] as const
  })
  return writeMessage([
    ...operations.map((one) => [1, one] as const),
    ...writeMap(2, Object.fromEntries(metadata)),
  ])
}

const digestOf = (operation: Buffer) => `sha256:${createHash('sha256').update(operation).digest('hex')}`
