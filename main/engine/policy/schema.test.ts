import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { policySchema } from './schema'

const file = fileURLToPath(new URL('../../../resources/policy/berth.schema.json', import.meta.url))

test('the schema for editors is that of the reader', () => {
  // BERTH_WRITE_SCHEMA=1 npx vitest run main/engine/policy/schema && npx biome format --write resources/policy
  if (process.env.BERTH_WRITE_SCHEMA) writeFileSync(file, `${JSON.stringify(policySchema(), null, 2)}\n`)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(policySchema())
})
