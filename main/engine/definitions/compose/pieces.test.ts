import { describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { readEnvFile } from './dotenv'
import { parseDuration } from './duration'
import { InterpolationMistake, interpolate, type Lookup } from './interpolate'
import { keepsAlive } from './keep-alive'
import { labelsOf } from './names'
import { splitWords } from './words'

const dollar = '$'

describe('words of a line', () => {
  it.each([
    ['sleep infinity', ['sleep', 'infinity']],
    ['  a\tb\n c ', ['a', 'b', 'c']],
    [`sh -c "echo \\"hi\\" $X"`, ['sh', '-c', 'echo "hi" $X']],
    [`'a b'c"d e"`, ['a bcd e']],
    [`a '' ""`, ['a', '', '']],
    ['a\\ b \\\\', ['a b', '\\']],
    [`"a\\nb" 'a\\b'`, ['a\\nb', 'a\\b']],
    ['a \\\n b', ['a', 'b']],
    ['', []],
    [`it's`, undefined],
    ['"open', undefined],
  ])('of %j are %j', (line, words) => expect(splitWords(line)).toEqual(words))
})

describe('a time', () => {
  it.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['1h5m30s20ms', 3_930_020],
    ['2.5s', 2500],
    ['10us', 1],
    ['0', 0],
    ['0s', 0],
    ['30', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['99999999h', undefined],
    [`${'9'.repeat(1000)}s`, undefined],
  ])('%s is %s milliseconds', (text, time) => expect(parseDuration(text)).toBe(time))
})

describe('variables of Compose', () => {
  const set: Readonly<Record<string, string>> = { A: 'a', EMPTY: '', SECRET: 'hunter2' }
  const lookup: Lookup = (name) => {
    const value = set[name]
    if (value === undefined) return undefined
    return { value, guarded: name === 'SECRET' ? `${dollar}{localEnv:SECRET}` : value }
  }

  it.each([
    ['$A', 'a'],
    ['${A}b', 'ab'],
    ['x$A$A-', 'xaa-'],
    ['$NONE', ''],
    ['${NONE:-d}', 'd'],
    ['${NONE-d}', 'd'],
    ['${EMPTY:-d}', 'd'],
    ['${EMPTY-d}', ''],
    ['${A:-d}', 'a'],
    ['${A:+r}', 'r'],
    ['${EMPTY:+r}', ''],
    ['${EMPTY+r}', 'r'],
    ['${NONE+r}', ''],
    ['${NONE:-${NEITHER:-${A}}}', 'a'],
    ['${A:-${NONE:?not needed}}', 'a'],
    ['${NONE:-a:b}', 'a:b'],
    ['${NONE:-{"a": 1}', '{"a": 1'],
    ['$$A $${A} a$$', '$A ${A} a$'],
    ['a}b', 'a}b'],
    ['${A:?x}', 'a'],
  ])('%s is %j', (text, value) => expect(interpolate(text, lookup).value).toBe(value))

  it('keep a secret as it is written, wherever it comes to stand', () => {
    expect(interpolate('a:${SECRET}@b', lookup).guarded).toBe('a:${localEnv:SECRET}@b')
    expect(interpolate('${NONE:-$SECRET}', lookup).guarded).toBe('${localEnv:SECRET}')
    expect(interpolate('${SECRET:+on}', lookup).guarded).toBe('on')
  })

  it.each([
    ['${NONE:?say so}', 'The variable NONE is not set: say so.'],
    ['${EMPTY:?}', 'The variable EMPTY is not set.'],
    ['${NONE?}', 'The variable NONE is not set.'],
    ['$1', '"$1" is no variable of Compose.'],
    ['a$', '"$" is no variable of Compose.'],
    ['${}', 'is no variable of Compose.'],
    ['${A', 'is no variable of Compose.'],
    ['${A b}', 'is no variable of Compose.'],
    ['${localEnv:HOME}', 'is no variable of Compose.'],
    ['${A:-'.repeat(40) + '}'.repeat(40), 'nested more than'],
  ])('refuse %s', (text, cause) => {
    expect(() => interpolate(text, lookup)).toThrow(InterpolationMistake)
    expect(() => interpolate(text, lookup)).toThrow(cause)
  })

  it('keep a dollar sign that begins none of them in a .env file', () => {
    expect(interpolate('pa$ss$1 ${ $A', lookup, true).value).toBe('pa$1 ${ a')
  })
})

describe('a .env file', () => {
  const read = (text: string, raw = false) =>
    Object.fromEntries(
      [
        ...readEnvFile(
          '.env',
          new TextEncoder().encode(text),
          (name) => (name === 'USER' ? { value: 'me', guarded: `${dollar}{localEnv:USER}` } : undefined),
          raw,
        ),
      ].map(([name, { guarded }]) => [name, guarded]),
    )

  it.each([
    ['A=1\nB=two words \n\n# c\nC=', { A: '1', B: 'two words', C: '' }],
    ['export A=1\r\nB: 2\r\n', { A: '1', B: '2' }],
    ['A=a # c\nB=a#b\nC= # c\n', { A: 'a', B: 'a#b', C: '' }],
    [`A='a # $B' # c\nB="x\\ny\\t\\"\\\\\\$A"`, { A: 'a # $B', B: 'x\ny\t"\\$A' }],
    ['A="one\ntwo"\nB=3', { A: 'one\ntwo', B: '3' }],
    ['A=1\nB=$A-${A}\nC=${NONE:-d}', { A: '1', B: '1-1', C: 'd' }],
    ['A=$USER\nUSER\nNONE', { A: '${localEnv:USER}', USER: '${localEnv:USER}' }],
    ['\uFEFFA=1', { A: '1' }],
    ['', {}],
  ])('%j gives %j', (text, variables) => expect(read(text)).toEqual(variables))

  it('is taken as it is written where it is raw', () => {
    expect(read(`A="x" # c\nB=$A\n`, true)).toEqual({ A: '"x" # c', B: '$A' })
  })

  it.each([
    ['A=1\n=2', 'Line 2, column 1: The name of a variable is expected, not "=".'],
    ['A=1\n  A B', 'Line 2, column 3: "=" is missing after A.'],
    ['A="x', 'Line 1, column 3: A quote is not closed.'],
    ['A=1\nB=x\0y', 'Line 2, column 4: A NUL character is no part of a variable.'],
    [`A='x' y`, 'Line 1, column 3: There is more after the closing quote.'],
    ['A=${B:?no}', 'Line 1, column 3: The variable B is not set: no.'],
    [
      `A0=${'x'.repeat(100)}\n${Array.from({ length: 30 }, (_, n) => `A${n + 1}=$A${n}$A${n}`).join('\n')}`,
      'come to more than',
    ],
    [Array.from({ length: 3000 }, (_, n) => `A${n}=1`).join('\n'), 'more than 2000 variables'],
  ])('says where there is a mistake: %j', (text, cause) => {
    expect(() => read(text)).toThrow(ProblemError)
    expect(() => read(text)).toThrow(cause)
  })
})

describe('a command that keeps a container running', () => {
  it.each([
    'sleep infinity',
    '/bin/sleep inf',
    'sleep 365d',
    'tail -f /dev/null',
    'tail -F /dev/null',
    '/bin/sh -c "while sleep 1000; do :; done"',
    'bash -c "while true; do sleep 30; done;"',
    `/bin/sh -c 'while :; do sleep 1 & wait $!; done'`,
    `sh -c 'echo ready; trap "exit 0" TERM; sleep infinity'`,
    `sh -c "sleep infinity & wait"`,
    'sh -c "exec sleep infinity"',
    'tini -- sleep infinity',
    'exec tail -f /dev/null',
  ])('is %s', (line) => expect(keepsAlive(splitWords(line) ?? [], false)).toBe(true))

  it.each([
    'sleep 5',
    'npm start',
    'tail -f /var/log/app.log',
    'sh -c "npm start; sleep infinity"',
    'sh -c "npm ci && sleep infinity"',
    'bash',
    'sh -c "while sleep 1; do date; done"',
    '',
  ])('is not %j', (line) => expect(keepsAlive(splitWords(line) ?? [], false)).toBe(false))

  it('is a shell whose input stays open', () => {
    expect(keepsAlive(['/bin/bash'], true)).toBe(true)
    expect(keepsAlive(['bash', 'run.sh'], true)).toBe(false)
  })
})

describe('names of services', () => {
  it('become labels of DNS, each its own', () => {
    const labels = labelsOf(['my_db', 'my-db', 'My.DB', '_', 'x'.repeat(80), `${'x'.repeat(79)}y`])
    expect([...labels.values()]).toEqual([
      'my-db-2',
      'my-db',
      'my-db-3',
      'service',
      'x'.repeat(50),
      `${'x'.repeat(48)}-2`,
    ])
  })
})
