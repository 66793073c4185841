import { describe, expect, it } from 'vitest'
import { lineOf } from './build-failure'

const dockerfile = [
  '# syntax=docker/dockerfile:1',
  'FROM debian AS base',
  'RUN  apt-get update \\',
  '  && apt-get install -y git',
  'COPY . /app',
  'FROM base',
  'COPY . /app',
  'RUN make "$TARGET" all',
  'RUN <<EOF',
  'echo FROM here',
  'EOF',
].join('\n')

describe('where an instruction stands', () => {
  it.each([
    ['RUN apt-get update   && apt-get install -y git', 3],
    ['RUN make "all" all', 8],
    ['COPY . /app', undefined],
    ['RUN true', undefined],
    ['', undefined],
  ])('%s: %s', (instruction, line) => {
    expect(lineOf(instruction, dockerfile)).toBe(line)
  })
})
