import { describe, expect, it } from 'vitest'
import { exchangeSyntax, isSyntaxStep, syntaxLine, withoutSyntax } from './syntax'

describe('the syntax line of a Dockerfile', () => {
  it.each([
    ['# syntax=docker/dockerfile:1\nFROM x', 'docker/dockerfile:1'],
    ['#Syntax = docker/dockerfile:1.7-labs \r\nFROM x', 'docker/dockerfile:1.7-labs'],
    ['# escape=`\n# syntax=a/b\nFROM x', 'a/b'],
    ['\uFEFF# syntax=a/b', 'a/b'],
    ['# a comment\n# syntax=a/b\nFROM x', undefined],
    ['\n# syntax=a/b\nFROM x', undefined],
    ['FROM x\n# syntax=a/b', undefined],
    ['', undefined],
  ])('of %j is %s', (text, image) => {
    expect(syntaxLine(text)?.image).toBe(image)
  })

  it('gets another image, or goes with every other line in its place', () => {
    const text = '# syntax=docker/dockerfile:1\n# escape=`\nFROM x\n'
    expect(exchangeSyntax(text, 'mirror/d:1')).toBe('# syntax=mirror/d:1\n# escape=`\nFROM x\n')
    expect(withoutSyntax(text)).toBe('# escape=`\n\nFROM x\n')
    expect(withoutSyntax('# syntax=a')).toBe('\n')
    expect(withoutSyntax('FROM x')).toBe('FROM x')
  })

  it('is what a step is about', () => {
    expect(
      isSyntaxStep('resolve image config for docker.io/docker/dockerfile:1', 'docker/dockerfile:1'),
    ).toBe(true)
    expect(isSyntaxStep('docker-image://docker.io/a/b:1@sha256:00', 'docker.io/a/b:1')).toBe(true)
    expect(isSyntaxStep('[internal] load metadata for docker.io/a/b:1', 'a/b:1')).toBe(false)
  })
})
