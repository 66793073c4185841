import { randomBytes } from 'node:crypto'
import { chmod, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#contract'
import { makeFolder } from '../../platform/make-folder'
import { type KeyPair, newKeyPair, publicLine, readPrivateKey, writePrivateKey } from './key-pair'

/** Nobody but the user may do anything with a private key, or OpenSSH refuses it. */
const PRIVATE = 0o600
const FOLDER = 0o700
/** Of group and others. */
const FOREIGN = 0o077

/** What SSH needs on this machine, in a folder of Berth's own. */
export interface KeyFiles {
  /** Who the gateway is. */
  readonly hostKey: KeyPair
  /** Who may enter: whoever can read its file. */
  readonly clientKey: KeyPair
  readonly paths: SshPaths
}

export interface SshPaths {
  readonly folder: string
  readonly config: string
  readonly knownHosts: string
  readonly clientKey: string
  readonly hostKey: string
}

/** `config` is where Berth keeps its preferences. */
export function sshPaths(config: string): SshPaths {
  const folder = join(config, 'ssh')
  return {
    folder,
    config: join(folder, 'config'),
    knownHosts: join(folder, 'known_hosts'),
    clientKey: join(folder, 'id_ed25519'),
    hostKey: join(folder, 'host_ed25519'),
  }
}

/**
 * The keys of this installation, made at the first call. They are files and not in the system's keychain because
 * OpenSSH itself has to read one of them, and the other is good for nothing but to prove to it that it speaks with
 * Berth. Rejects with a `ProblemError`.
 */
export async function readKeyFiles(config: string): Promise<KeyFiles> {
  const paths = sshPaths(config)
  await makeFolder(paths.folder, FOLDER)
  const hostKey = await keyAt(paths.hostKey, 'berth host')
  const clientKey = await keyAt(paths.clientKey, 'berth')
  await writeWhole(`${paths.clientKey}.pub`, `${publicLine(clientKey)} berth\n`)
  return { hostKey, clientKey, paths }
}

async function keyAt(file: string, comment: string): Promise<KeyPair> {
  let text = await readFile(file, 'utf8').catch(unlessMissing)
  if (text === undefined) {
    await putNew(file, writePrivateKey(newKeyPair(), comment))
    // It may be another process's, which was first.
    text = await readFile(file, 'utf8')
  }
  const pair = readPrivateKey(text)
  if (!pair) {
    throw problem({
      code: 'settings-invalid',
      title: 'A key of Berth cannot be read',
      cause: `${file} is not what Berth has written.`,
      remedy:
        'Delete this file: Berth makes a new one. Connections that are open then have to be made again.',
    })
  }
  if (process.platform !== 'win32' && ((await stat(file)).mode & FOREIGN) !== 0) await chmod(file, PRIVATE)
  return pair
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw problem({
    code: 'permission-denied',
    title: 'A key of Berth cannot be read',
    cause: error.message,
    remedy: 'Make the file readable for yourself, or delete it: Berth makes a new one.',
  })
}

/** Makes a file with all that is in it at once; one that is there already stays as it is. */
async function putNew(file: string, text: string): Promise<void> {
  const beside = await besides(file, text, PRIVATE)
  try {
    await link(beside, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(beside, { force: true })
  }
}

/** Writes a file at once, for whoever may read the folder; does nothing where it says the same already. */
export async function writeWhole(file: string, text: string, mode = PRIVATE): Promise<void> {
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return
  const beside = await besides(file, text, mode)
  try {
    await rename(beside, file)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

async function besides(file: string, text: string, mode: number): Promise<string> {
  const beside = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`
  await writeFile(beside, text, { mode, flag: 'wx' })
  return beside
}
