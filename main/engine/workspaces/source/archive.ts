import { rm } from 'node:fs/promises'
import { problem } from '#contract'
import { fetchFile } from '../../platform/fetch-file'
import type { ActionReport } from '../operations'
import { unzip } from './unzip'

/** Bytes of an archive, and of what it holds. */
const LARGEST = 256 * 1024 * 1024
const LARGEST_CONTENT = 1024 * 1024 * 1024
const MOST_ENTRIES = 100_000

/**
 * Puts what a zip archive at an `http(s)` address holds into a new folder. Rejects with `archive-failed` where it cannot
 * be had.
 */
export async function fetchArchive(
  url: string,
  folder: string,
  report: ActionReport,
  signal: AbortSignal,
): Promise<void> {
  const file = `${folder}.zip`
  let told = 0
  const tell = (bytes: number) => {
    const mebibytes = Math.floor(bytes / 1024 / 1024)
    if (mebibytes > told) report.detail(`Fetching ${url}: ${mebibytes} MiB`)
    told = mebibytes
  }
  try {
    report.detail(`Fetching ${url}`)
    await fetchFile(url, file, LARGEST, { signal, onBytes: tell })
    report.detail('Unpacking it')
    await unzip(file, folder, { entries: MOST_ENTRIES, bytes: LARGEST_CONTENT }, signal)
  } catch (error) {
    signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    throw problem(
      {
        code: 'archive-failed',
        title: `${url} cannot be unpacked`,
        cause: `${reason.charAt(0).toUpperCase()}${reason.slice(1).replace(/\.$/, '')}.`,
        remedy: 'Check the address and the network, or name a git repository instead.',
      },
      error,
    )
  } finally {
    await rm(file, { force: true })
  }
}
