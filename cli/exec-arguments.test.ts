import { describe, expect, it } from 'vitest'
import { separateCommand } from './exec-arguments'

describe('separateCommand', () => {
  it.each([
    [
      ['demo', 'ls', '-la'],
      ['demo', '--', 'ls', '-la'],
    ],
    [
      ['demo', '-t', 'top', '-H'],
      ['demo', '-t', '--', 'top', '-H'],
    ],
    [
      ['-u', 'root', 'demo', 'id', '-u'],
      ['-u', 'root', 'demo', '--', 'id', '-u'],
    ],
    [
      ['--service', 'db', 'demo', 'psql', '-l'],
      ['--service', 'db', 'demo', '--', 'psql', '-l'],
    ],
    [
      ['--env', 'A=b', 'demo', '--', 'env'],
      ['--env', 'A=b', 'demo', '--', 'env'],
    ],
    [
      ['demo', '--', 'sh', '-c', 'x -- y'],
      ['demo', '--', 'sh', '-c', 'x -- y'],
    ],
    [
      ['demo', '-'],
      ['demo', '--', '-'],
    ],
    [
      ['--user=root', 'demo', 'a', '--', 'b'],
      ['--user=root', 'demo', '--', 'a', '--', 'b'],
    ],
    [['demo'], ['demo']],
    [[], []],
  ])('%j becomes %j', (args, expected) => expect(separateCommand(args)).toEqual(expected))
})
