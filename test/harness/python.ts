import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/setup/folders.mjs'

const text = (path: string) => readFileSync(join(root, 'test', path), 'utf8')
const behaviours = text('harness/behaviours.py')

/** For `python3 -c`: listens on ports that are agreed on, and says so in a line. */
export const serversProgram = `${behaviours}\n${text('conformance/servers.py')}`
/** For `python3 -c`: listens on free ports, and tells them. */
export const appsProgram = `${behaviours}\n${text('ports/apps.py')}`
