import { describe, expect, it } from 'vitest'
import { contextFilesOf, imagesOf } from './dockerfile-inputs'

describe('what a Dockerfile is made of', () => {
  it('are the images that it names, also by arguments', () => {
    const text = 'ARG V=1\nFROM node:$V AS a\nFROM scratch\nCOPY --from=a /x /x\nCOPY --from=tools:2 /y /y\n'
    expect(imagesOf(text, { V: '22' })).toEqual(['node:22', 'tools:2'])
  })

  it('are the files that it copies, up to the first folder that a pattern may vary', () => {
    const text = [
      'FROM a',
      'COPY --chown=1:1 ./package.json package-lock.json /app/',
      'COPY src/*/main.c /src',
      'ADD https://example.com/x /x',
      'COPY --from=a /etc /etc',
      'COPY <<END /file',
      'COPY everything.txt /',
      'END',
    ].join('\n')
    expect(contextFilesOf(text)).toEqual(['package.json', 'package-lock.json', 'src'])
  })

  it.each([
    'COPY . .',
    'COPY *.txt /',
    'COPY $WHAT /',
    'COPY ["a b","/c"]',
    'ADD ["a", "/c"]',
    'RUN --mount=type=bind,target=/x true',
    'RUN --mount=target=/x true',
  ])('is everything with %s', (line) => {
    expect(contextFilesOf(`FROM a\n${line}\n`)).toContain('')
  })

  it.each([
    'RUN --mount=type=cache,target=/x true',
    'RUN --mount=type=bind,from=a,target=/x true',
    'RUN COPY x',
  ])('is nothing with %s', (line) => {
    expect(contextFilesOf(`FROM a\n${line}\n`)).toEqual([])
  })
})
