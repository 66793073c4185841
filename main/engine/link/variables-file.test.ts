import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type HeldVariables, readVariables, variablesLines, writeVariables } from './variables-file'

const values = {
  PLAIN: 'one',
  QUOTED: `it's "$HOME" \`id\` \\ $(id)`,
  LINES: '\n two\nlines \n',
  EMPTY: '',
  UMLAUT: 'ü 日本',
}
const held: HeldVariables = new Map(
  Object.entries(values).map(([name, value]) => [name, { value, secret: true, origin: 'me' }]),
)

describe('the file of variables', () => {
  it('gives the shell exactly what was put into it, and itself back', () => {
    const folder = mkdtempSync(join(tmpdir(), 'variables-file-'))
    try {
      const file = join(folder, 'file')
      writeFileSync(file, writeVariables(held))
      const text = execFileSync('sh', ['-euc', '. "$1"; env -0', 'sh', file], {
        env: { PATH: process.env.PATH },
        encoding: 'utf8',
      })
      const environment = Object.fromEntries(
        text
          .split('\0')
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      )
      expect(environment).toMatchObject(values)
      expect(environment.BERTH_VARIABLES).toBe(Object.keys(values).join(' '))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
    expect(readVariables(writeVariables(held))).toEqual(held)
  })

  it('that is another one holds nothing', () => {
    for (const text of ['', 'export A=b', '# berth !', `# berth ${Buffer.from('[1]').toString('base64')}\n`])
      expect([...readVariables(text)]).toEqual([])
  })

  it('is read but for what a command was given, and by no name that is no variable', () => {
    const lines = variablesLines('abcdefghij', { uid: 1000 }, ['PLAIN', 'HOME', 'no-name', 'A;id'])
    expect(lines).toEqual([
      'if [ -O /dev/shm/berth-variables-abcdefghij-1000 ]; then',
      'berth_g0=$PLAIN',
      '. /dev/shm/berth-variables-abcdefghij-1000',
      'export PLAIN="$berth_g0"',
      'fi',
    ])
  })
})
