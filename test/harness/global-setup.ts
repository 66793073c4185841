import { ensureImages } from './images'

/** Runs once before conformance and end-to-end tests. */
export async function setup(): Promise<void> {
  await ensureImages()
}
