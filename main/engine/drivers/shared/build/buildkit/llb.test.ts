import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { unpackedArchive } from './llb'
import { bytesField, readFields, textField, writeMessage } from './protobuf'

it('a graph names what an operation is made of by its digest', () => {
  const fields = [...readFields(unpackedArchive('http://host/x', 'lib'))]
  const operations = fields.filter(({ number }) => number === 1).map(({ value }) => value as Buffer)
  expect(operations).toHaveLength(3)
  const [source, files, last] = operations as [Buffer, Buffer, Buffer]
  expect(textField(bytesField(source, 3), 1)).toBe('http://host/x')
  const digest = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  expect(textField(bytesField(files, 1), 1)).toBe(digest(source))
  expect(textField(bytesField(last, 1), 1)).toBe(digest(files))
  const described = fields
    .filter(({ number }) => number === 2)
    .map(({ value }) => textField(value as Buffer, 1))
  expect(described).toEqual(operations.map(digest))
})

it('no input is minus one, in ten bytes', () => {
  expect(writeMessage([[1, -1]]).toString('hex')).toBe('08ffffffffffffffffff01')
})
