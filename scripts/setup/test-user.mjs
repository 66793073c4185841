import { readFileSync } from 'node:fs'
import { run } from './programs.mjs'

/** Whom the window runs as in tests: Chromium's sandbox is for unprivileged users, as a person at a desktop is. */
export const testUser = 'berth-test'

/**
 * Makes the user that end-to-end tests run the window as, with access to Docker, if we are root. Anybody else runs
 * it as himself.
 * @returns {Promise<void>}
 */
export async function ensureTestUser() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return
  const has = (/** @type {string} */ file) =>
    new RegExp(`^${testUser}:`, 'm').test(readFileSync(file, 'utf8'))
  if (!has('/etc/passwd')) {
    const { code, output } = await run('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/bin/bash',
      testUser,
    ])
    if (code !== 0) throw new Error(`useradd ${testUser}: ${output}`)
  }
  if (/^docker:/m.test(readFileSync('/etc/group', 'utf8'))) {
    const { code, output } = await run('usermod', ['--append', '--groups', 'docker', testUser])
    if (code !== 0) throw new Error(`usermod ${testUser}: ${output}`)
  }
}
