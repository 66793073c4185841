import { layOutApplication } from './application'
import { ensureImages } from './images'

/** Runs once before end-to-end tests; what it returns runs after them. */
export async function setup(): Promise<() => Promise<void>> {
  await ensureImages()
  return layOutApplication()
}
