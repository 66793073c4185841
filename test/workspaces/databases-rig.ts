import { join } from 'node:path'
import { expect } from 'vitest'
import type { DataSource } from '#contract'
import { DATABASES } from '../harness/databases'
import { type Machine, type Rig, writeFiles } from './rig'
import { restoreInto } from './snapshots-rig'

/** A folder whose definition names three databases in a word each; the workspace has their clients. */
export function projectWithDatabases(machine: Machine, name: string): string {
  const folder = join(machine.home, name)
  writeFiles(folder, {
    '.devcontainer.json': JSON.stringify({
      image: DATABASES.clients,
      remoteUser: 'dev',
      postStartCommand: 'echo started >> ~/starts',
      customizations: { berth: { services: { db: 'postgres:16', store: 'mariadb', cache: 'redis' } } },
    }),
  })
  return folder
}

/** What a person types in a terminal of the workspace, which has the environment that the definition gives. */
export const shell = (rig: Rig, id: string, script: string) =>
  rig.run(id, 'bash', '-c', `set -euo pipefail; ${script}`)

const maria = 'mariadb -h store -u root -pdevelopment app --batch --skip-column-names -e'

/** Puts a word into each database. */
export async function putRow(rig: Rig, id: string, word: string): Promise<void> {
  await shell(
    rig,
    id,
    `psql -q "$DATABASE_URL" -c "CREATE TABLE IF NOT EXISTS kept (word text)" -c "INSERT INTO kept VALUES ('${word}')" 2>/dev/null
     ${maria} "CREATE TABLE IF NOT EXISTS kept (word text); INSERT INTO kept VALUES ('${word}')"
     redis-cli -u "$REDIS_URL" RPUSH kept ${word} >/dev/null`,
  )
}

/** The words that each database has: three lines. By the services' names, as an application's own settings have it. */
export const rowsOf = (rig: Rig, id: string) =>
  shell(
    rig,
    id,
    `PGPASSWORD=development psql -h db -U postgres app -qAt -c "SELECT string_agg(word, ' ') FROM kept"
     ${maria} "SELECT group_concat(word SEPARATOR ' ') FROM kept"
     redis-cli -h cache LRANGE kept 0 -1 | xargs`,
  )

/** {@link rowsOf} where all have these. */
export const rows = (words: string) => `${words}\n`.repeat(3)

/**
 * Transactions without an end that each write the same number into two tables of PostgreSQL, until what it returns is
 * called: in the data's copy of any one moment both have the same rows.
 */
export async function startWriting(rig: Rig, id: string): Promise<() => Promise<unknown>> {
  const sql = 'BEGIN; INSERT INTO one VALUES (1); INSERT INTO two VALUES (1); COMMIT;'
  await shell(
    rig,
    id,
    `psql -q "$DATABASE_URL" -c 'CREATE TABLE one (n int)' -c 'CREATE TABLE two (n int)'
     touch /tmp/writing
     (while [ -e /tmp/writing ]; do yes '${sql}' | head -200 | psql -q "$DATABASE_URL" || sleep 0.2; done) >/dev/null 2>&1 </dev/null &`,
  )
  await expect
    .poll(() => shell(rig, id, 'psql -At "$DATABASE_URL" -c "SELECT count(*) > 50 FROM two"'))
    .toBe('t\n')
  return () => shell(rig, id, 'rm -f /tmp/writing')
}

/** How many rows {@link startWriting}'s two tables have. */
export async function written(rig: Rig, id: string): Promise<readonly [one: number, two: number]> {
  const said = await shell(
    rig,
    id,
    'psql -At "$DATABASE_URL" -c "SELECT count(*) FROM one" -c "SELECT count(*) FROM two"',
  )
  const [one = -1, two = -2] = said.trim().split('\n').map(Number)
  return [one, two]
}

export async function restored(rig: Rig, id: string, from: DataSource): Promise<void> {
  const { state, problem } = await restoreInto(rig, id, from)
  expect([state, problem]).toEqual(['succeeded', undefined])
}
