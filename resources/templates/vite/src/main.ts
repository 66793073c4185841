import { createCounter } from './counter'
import './style.css'

const app = document.querySelector('#app')
if (!app) throw new Error('The page has no #app')

const heading = document.createElement('h1')
heading.textContent = document.title
const hint = document.createElement('p')
hint.textContent = 'Edit src/main.ts: the page follows at once.'
app.append(heading, hint, createCounter())
