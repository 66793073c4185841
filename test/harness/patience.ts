import { vi } from 'vitest'
import { PATIENCE } from './bounds'

// What `expect.poll` has from the configuration, `vi.waitFor` takes from nowhere.
const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, { timeout: PATIENCE, ...(typeof options === 'number' ? { timeout: options } : options) })
