import { describe, expect, it } from 'vitest'
import { memoryReader } from '../memory-reader.test-helper'
import { readTemplate, renderedReader, renderText, templateFile } from './template'

const begin = '$' + '{templateOption:'

describe('options of a template', () => {
  it('are filled in, and what names none stays', () => {
    const values = new Map([['variant', '12']])
    expect(renderText(`a ${begin} variant } ${begin}variant}${begin}other} ${begin}}`, values)).toBe(
      `a 12 12${begin}other} ${begin}}`,
    )
  })

  it('take no longer where a file is made of their beginnings', () => {
    // Looked for to the end of the text from each of them, this is at work for minutes.
    const text = `${begin}x`.repeat(200_000)
    expect(renderText(text, new Map())).toBe(text)
    expect(renderText(begin + ' '.repeat(2_000_000), new Map())).toHaveLength(begin.length + 2_000_000)
  })

  it('do not fill the memory', async () => {
    const text = `${begin}a}`.repeat(100_000)
    const values = new Map([['a', 'x'.repeat(1_000_000)]])
    const refused = { problem: { code: 'definition-invalid' } }
    expect(() => renderText(text, values)).toThrow('comes to too much')
    await expect(renderedReader(memoryReader({ text }), values).read('text', 1)).rejects.toMatchObject(
      refused,
    )
  })
})

it('shows a template as it is called, and not as it would like to be', async () => {
  const text = JSON.stringify({ id: 'a', name: 'Safe\u202e\u001b[2J', description: 'One\u0007\ntwo' })
  expect(await readTemplate(memoryReader({ [templateFile]: text }))).toMatchObject({
    name: 'Safe[2J',
    description: 'One\ntwo',
  })
})
