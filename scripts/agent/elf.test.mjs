import { expect, it } from 'vitest'
import { whyNotStatic } from './elf.mjs'

/**
 * A file of headers alone.
 * @param {number} machine @param {number[]} types of its program headers
 */
function elf(machine, ...types) {
  const bytes = Buffer.alloc(64 + types.length * 56)
  bytes.write('\x7fELF\x02\x01', 'latin1')
  bytes.writeUInt16LE(machine, 18)
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeUInt16LE(56, 54)
  bytes.writeUInt16LE(types.length, 56)
  for (const [index, type] of types.entries()) bytes.writeUInt32LE(type, 64 + index * 56)
  return bytes
}

it('a binary that needs a loader, a library or another machine is told from one that runs everywhere', () => {
  const [load, dynamic, interpreter] = [1, 2, 3]
  expect(whyNotStatic(elf(62, load, load), 'amd64')).toBeUndefined()
  expect(whyNotStatic(elf(183, load), 'arm64')).toBeUndefined()
  expect(whyNotStatic(elf(62, load), 'arm64')).toContain('machine 62')
  expect(whyNotStatic(elf(62, load, interpreter), 'amd64')).toContain('loader')
  expect(whyNotStatic(elf(62, load, dynamic), 'amd64')).toContain('dynamic')
  expect(whyNotStatic(Buffer.from('#!/bin/sh\n'), 'amd64')).toContain('no 64-bit')
})
