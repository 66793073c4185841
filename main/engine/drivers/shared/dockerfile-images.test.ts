import { describe, expect, it } from 'vitest'
import { processorTime } from '../../platform/processor-time.test-helper'
import { exchangeImages, isContext } from './dockerfile-images'

/** Every image gets another name, so that what is left alone shows. */
const exchange = (image: string) => `m.example/${image}`
const rewritten = (text: string, args: Record<string, string> = {}) =>
  exchangeImages(text, args, exchange).text

describe('contexts', () => {
  it('stand for images and stages of their name', () => {
    const text =
      'FROM lib/tool:latest AS Base\nFROM base\nCOPY --from=docker.io/library/tool a b\nCOPY --from=tool2 a b\n'
    const result = exchangeImages(text, {}, () => 'x', [{ name: 'base' }, { name: 'tool' }])
    expect(result.exchanged.map(({ from }) => from)).toEqual([
      'lib/tool:latest',
      'base',
      'docker.io/library/tool',
      'tool2',
    ])
    expect(isContext('docker.io/library/tool:latest', 'tool')).toBe(true)
    expect(isContext('lib/tool', 'tool')).toBe(false)
    expect(isContext('tool:1', 'tool')).toBe(false)
  })
})

describe('exchangeImages', () => {
  it.each([
    ['a base', 'FROM debian:12\nRUN true\n', 'FROM m.example/debian:12\nRUN true\n'],
    [
      'small letters, a platform, a name',
      'from --platform=$BUILDPLATFORM  go:1  as  build\r\n',
      'from --platform=$BUILDPLATFORM  m.example/go:1  as  build\r\n',
    ],
    ['nothing', 'FROM scratch\nCOPY a b\n', 'FROM scratch\nCOPY a b\n'],
    [
      'stages',
      'FROM a AS Base\nFROM base\nCOPY --from=BASE /x /x\nCOPY --from=0 /y /y\n',
      'FROM m.example/a AS Base\nFROM base\nCOPY --from=BASE /x /x\nCOPY --from=0 /y /y\n',
    ],
    [
      'a copy from an image',
      'FROM a\nCOPY --chown=1 --from=uv:1 /uv /bin/\n',
      'FROM m.example/a\nCOPY --chown=1 --from=m.example/uv:1 /uv /bin/\n',
    ],
    [
      'a mount from an image',
      'FROM a\nRUN --mount=type=bind,from=b:1,target=/b --network=none cp\n',
      'FROM m.example/a\nRUN --mount=type=bind,from=m.example/b:1,target=/b --network=none cp\n',
    ],
    ['a flag of a command', 'FROM a\nRUN tool --from=b\n', 'FROM m.example/a\nRUN tool --from=b\n'],
    [
      'comments and continued lines',
      '# FROM x\nFROM \\\n# FROM y\n\n  a:1 \\\n  AS b\n',
      '# FROM x\nFROM \\\n# FROM y\n\n  m.example/a:1 \\\n  AS b\n',
    ],
    [
      'what only looks like a base',
      'FROM a\nRUN echo \\\nFROM b\n',
      'FROM m.example/a\nRUN echo \\\nFROM b\n',
    ],
    [
      'another escape',
      '# escape=`\nFROM `\n a\nRUN dir C:\\\nFROM b\n',
      '# escape=`\nFROM `\n m.example/a\nRUN dir C:\\\nFROM m.example/b\n',
    ],
    [
      'an escape that comes too late',
      '#\n# escape=`\nFROM a\nRUN b `\nFROM c\n',
      '#\n# escape=`\nFROM m.example/a\nRUN b `\nFROM m.example/c\n',
    ],
    [
      'a here-document',
      'FROM a\nRUN <<-"END" cat\nFROM b\n\tEND\nFROM c\n',
      'FROM m.example/a\nRUN <<-"END" cat\nFROM b\n\tEND\nFROM m.example/c\n',
    ],
    [
      'an argument with a default',
      'ARG V=12 W="x"\nFROM debian:${V}\nFROM ${U:-b}-$W\n',
      'ARG V=12 W="x"\nFROM m.example/debian:12\nFROM m.example/b-x\n',
    ],
    ['an argument without a value', 'ARG V\nFROM debian:$V\nFROM $W\n', 'ARG V\nFROM debian:$V\nFROM $W\n'],
    ['an argument of a stage', 'FROM a\nARG V=1\nFROM b:$V\n', 'FROM m.example/a\nARG V=1\nFROM b:$V\n'],
    ['no end of line, and a byte order mark', '\xEF\xBB\xBFFROM a', '\xEF\xBB\xBFFROM m.example/a'],
    ['bytes of any encoding', 'FROM a\nRUN echo \xFF\xFE\x00\n', 'FROM m.example/a\nRUN echo \xFF\xFE\x00\n'],
  ])('%s', (_, text, expected) => {
    expect(rewritten(text)).toBe(expected)
  })

  it('fills in what the build is given in place of defaults, and tells what it exchanged', () => {
    const text = 'ARG BASE=a:1\nFROM $BASE\n'
    expect(rewritten(text, { BASE: 'b:2' })).toBe('ARG BASE=a:1\nFROM m.example/b:2\n')
    expect(exchangeImages(text, {}, exchange).exchanged).toEqual([{ from: 'a:1', to: 'm.example/a:1' }])
  })

  it('leaves a file alone in which nothing is to be exchanged', () => {
    const text = 'FROM a\\\n:1 # no comment\nCOPY --from="b" . .\n'
    expect(exchangeImages(text, {}, () => undefined)).toEqual({ text, exchanged: [] })
  })

  it.each([
    ['quotes', `RUN ${'"a'.repeat(100_000)}`],
    ['continued lines', 'RUN \\\n'.repeat(100_000)],
    ['here-documents without an end', `FROM a\nRUN ${'<<A '.repeat(50_000)}`],
    ['one long word', `FROM ${'a'.repeat(500_000)}`],
    ['variables', `FROM ${'${A:-'.repeat(100_000)}`],
  ])('ends soon for many %s', (_, text) => {
    const begun = processorTime()
    rewritten(text)
    expect(processorTime() - begun).toBeLessThan(3_000)
  })
})
