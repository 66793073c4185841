import express from 'express'

const notes = ['Edit app.js: the server restarts by itself.']

/** The application, without a port, so that tests can have one of their own. */
export const app = express()
app.use(express.json())

app.get('/', (_request, response) => {
  response.json({ name: 'api', notes: notes.length })
})

app.get('/notes', (_request, response) => {
  response.json(notes)
})

app.post('/notes', (request, response) => {
  const text = request.body?.text
  if (typeof text !== 'string' || text === '') {
    response.status(400).json({ error: 'Send {"text": "…"}.' })
    return
  }
  notes.push(text)
  response.status(201).json({ text })
})
