/**
 * The addon decodes its tables when it is loaded, with `Buffer.from(…).buffer`, which for a buffer out of Node's pool
 * is the whole pool: depending on what was allocated before, loading fails. Without a pool it works, so the pool is
 * off just then. Imports are evaluated in the order in which they stand.
 */
import './pool-off'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes/lib/addon-unicode-graphemes.mjs'
import './pool-on'

export { UnicodeGraphemesAddon }
