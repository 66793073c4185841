import { createReadStream, createWriteStream } from 'node:fs'
import { chmod, mkdir, open, symlink } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32, createInflateRaw } from 'node:zlib'

/**
 * Unpacks a zip archive, with permissions and symbolic links. Format: PKWARE APPNOTE 6.3.10, without Zip64,
 * encryption and multiple volumes. Checks sizes and checksums.
 * @param {string} archive
 * @param {string} folder made if missing
 * @param {(name: string) => string | undefined} select path to write an entry to, relative to `folder`; nothing skips it
 */
export async function unzip(archive, folder, select = (name) => name) {
  const file = await open(archive)
  /** @type {Awaited<ReturnType<typeof readDirectory>>} */
  let entries
  try {
    entries = await readDirectory(file)
    for (const entry of entries) {
      const header = Buffer.alloc(30)
      await file.read(header, 0, 30, entry.offset)
      if (header.readUInt32LE(0) !== 0x04034b50) throw new Error(`${archive}: broken entry ${entry.name}`)
      entry.offset += 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
    }
  } finally {
    await file.close()
  }
  for (const entry of entries) {
    const selected = select(entry.name)
    if (selected === undefined) continue
    const path = normalize(join(folder, selected))
    if (path !== folder && !path.startsWith(folder + sep))
      throw new Error(`${archive}: ${entry.name} leads out of the folder`)
    if (entry.name.endsWith('/')) {
      await mkdir(path, { recursive: true })
      continue
    }
    await mkdir(dirname(path), { recursive: true })
    if (entry.isLink) await symlink((await contents(archive, entry)).toString('utf8'), path)
    else await writeEntry(archive, entry, path)
  }
}

/** @typedef {{ name: string, offset: number, compressed: number, size: number, method: number, mode: number, isLink: boolean, checksum: number }} Entry */

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @returns {Promise<Entry[]>} with the offset of each local header
 */
async function readDirectory(file) {
  const { size } = await file.stat()
  const tail = Buffer.alloc(Math.min(size, 65_557))
  await file.read(tail, 0, tail.length, size - tail.length)
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  if (end < 0) throw new Error('not a zip archive')
  const directory = Buffer.alloc(tail.readUInt32LE(end + 12))
  await file.read(directory, 0, directory.length, tail.readUInt32LE(end + 16))
  /** @type {Entry[]} */
  const entries = []
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === 0x02014b50; ) {
    const nameLength = directory.readUInt16LE(at + 28)
    const mode = directory.readUInt32LE(at + 38) >>> 16
    entries.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
      offset: directory.readUInt32LE(at + 42),
      compressed: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      method: directory.readUInt16LE(at + 10),
      mode: mode & 0o777,
      isLink: (mode & 0o170000) === 0o120000,
      checksum: directory.readUInt32LE(at + 16),
    })
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

/** @param {string} archive @param {Entry} entry */
function streams(archive, entry) {
  if (entry.method !== 0 && entry.method !== 8)
    throw new Error(`${entry.name}: compression method ${entry.method}`)
  const raw =
    entry.compressed === 0
      ? Readable.from([])
      : createReadStream(archive, { start: entry.offset, end: entry.offset + entry.compressed - 1 })
  let size = 0
  let checksum = 0
  const check = new Transform({
    transform(chunk, _encoding, done) {
      size += chunk.length
      checksum = crc32(chunk, checksum)
      done(null, chunk)
    },
    flush(done) {
      const whole = size === entry.size && checksum === entry.checksum
      done(whole ? null : new Error(`${entry.name}: broken`))
    },
  })
  return entry.method === 8 ? [raw, createInflateRaw(), check] : [raw, check]
}

/** @param {string} archive @param {Entry} entry @param {string} path */
async function writeEntry(archive, entry, path) {
  await pipeline([...streams(archive, entry), createWriteStream(path)])
  if (entry.mode) await chmod(path, entry.mode)
}

/** @param {string} archive @param {Entry} entry */
async function contents(archive, entry) {
  /** @type {Buffer[]} */
  const chunks = []
  await pipeline([
    ...streams(archive, entry),
    new Transform({
      transform(chunk, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    }),
  ])
  return Buffer.concat(chunks)
}
