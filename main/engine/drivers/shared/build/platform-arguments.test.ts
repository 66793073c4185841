import { describe, expect, it } from 'vitest'
import { platformArguments } from './platform-arguments'

describe('platformArguments', () => {
  it('gives what a Dockerfile asks for, wherever it does', () => {
    const text =
      'ARG TARGETARCH\nFROM base AS amd64-base\nFROM ${TARGETARCH}-base\narg BUILDPLATFORM TARGETVARIANT\n'
    expect(platformArguments(text, {}, 'linux/arm/v7', 'linux/amd64')).toEqual({
      TARGETARCH: 'arm',
      TARGETVARIANT: 'v7',
      BUILDPLATFORM: 'linux/amd64',
    })
  })

  it('leaves alone what has a value, and what nobody asks for', () => {
    const text = 'ARG TARGETOS=plan9\nARG TARGETARCH\n# ARG TARGETPLATFORM\nFROM x\nRUN echo ARG BUILDOS\n'
    expect(platformArguments(text, { TARGETARCH: 'mine' }, 'linux/amd64', 'linux/amd64')).toEqual({})
  })
})
