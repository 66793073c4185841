import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { app } from './app.js'

let server
let address
before(async () => {
  server = app.listen(0)
  await once(server, 'listening')
  address = `http://localhost:${server.address().port}`
})
after(() => server.close())

test('takes a note and gives it back', async () => {
  const answer = await fetch(`${address}/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: 'hello' }),
  })
  assert.equal(answer.status, 201)
  assert.ok((await (await fetch(`${address}/notes`)).json()).includes('hello'))
})

test('refuses a note without a text', async () => {
  const answer = await fetch(`${address}/notes`, { method: 'POST' })
  assert.equal(answer.status, 400)
})
