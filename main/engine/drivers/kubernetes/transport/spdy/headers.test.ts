import { expect, test } from 'vitest'
import { HeaderWriter } from './headers'
import { HeaderReader } from './headers.suite'

const blocks: Readonly<Record<string, string>>[] = [
  { streamtype: 'error', port: '8080', requestid: '0' },
  { streamtype: 'data', port: '8080', requestid: '0' },
  {},
  { streamtype: 'error', port: '8080', requestid: '1', long: 'x'.repeat(200_000) },
  { streamtype: 'data', port: '8080', requestid: '1', umlaut: 'ä' },
]

test('headers of SPDY are read on the other side as they were written, block by block', () => {
  const writer = new HeaderWriter()
  const reader = new HeaderReader()
  for (const headers of blocks) expect(reader.read(writer.write(headers))).toEqual(headers)
})

test('names are in lower case', () => {
  const block = new HeaderWriter().write({ streamType: 'data', requestID: '7' })
  expect(new HeaderReader().read(block)).toEqual({ streamtype: 'data', requestid: '7' })
})
