import { describe, expect, it } from 'vitest'
import { clipboardText } from './clipboard-sequence'

const encoded = (text: string) => Buffer.from(text).toString('base64')

describe('a program that writes the clipboard', () => {
  it('may write text', () => {
    expect(clipboardText(`c;${encoded('größe 漢字')}`)).toBe('größe 漢字')
    expect(clipboardText(`;${encoded('x')}`)).toBe('x')
    expect(clipboardText(`pc;${encoded('x')}`)).toBe('x')
  })

  it('may not read it, nor write what is no text', () => {
    for (const data of [
      'c;?',
      'c;',
      '',
      'c',
      'c;not base64!',
      'x;eA==',
      `c;${Buffer.from([0xff, 0xfe]).toString('base64')}`,
    ])
      expect(clipboardText(data), data).toBeUndefined()
    expect(clipboardText(`c;${'QUFB'.repeat(300_000)}`)).toBeUndefined()
  })
})
