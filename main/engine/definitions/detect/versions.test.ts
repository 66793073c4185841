import { describe, expect, it } from 'vitest'
import { versionFor, versionIn } from './versions'

describe('versionFor', () => {
  it.each([
    ['20', '20'],
    ['v20.11.1', '20'],
    ['20.x', '20'],
    ['^18.17.0', '18'],
    ['~18', '18'],
    ['>=18', '22'],
    ['>= 24', '24'],
    ['>=18 <21', '20'],
    ['>=18 <=20', '20'],
    ['18 || 20', '20'],
    ['^20.9.0 || >=21.1.0', '22'],
    ['*', '22'],
    ['latest', '22'],
    ['!=21', undefined],
    ['soon', undefined],
  ])('of Node, %s', (range, version) => {
    expect(versionFor(range, '22', 1)).toBe(version)
  })

  it.each([
    ['3.11.4', '3.11'],
    ['>=3.9', '3.12'],
    ['>=3.9,<3.12', '3.11'],
    ['>=3.9, <4.0', '3.12'],
    ['^3.9', '3.12'],
    ['~=3.8', '3.12'],
    ['~3.10', '3.10'],
    ['==3.10.*', '3.10'],
    ['>=3.13', '3.13'],
    ['<3', undefined],
    ['~> 3.2.1', '3.2'],
    ['~> 3.2', '3.12'],
    ['3', '3.0'],
  ])('of Python, %s', (range, version) => {
    expect(versionFor(range, '3.12', 2)).toBe(version)
  })
})

describe('versionIn', () => {
  it('takes as many numbers as count', () => {
    expect(versionIn('python-3.12.4', 2)).toBe('3.12')
    expect(versionIn('temurin-21.0.1+12', 1)).toBe('21')
    expect(versionIn('8', 2)).toBe('8.0')
    expect(versionIn('none', 1)).toBeUndefined()
  })
})
