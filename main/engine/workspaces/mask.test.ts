import { describe, expect, it } from 'vitest'
import { problem } from '#contract'
import { Mask, withMask } from './mask'
import type { ActionReport } from './operations'

const shown = (secrets: readonly string[], pieces: readonly string[]) => {
  const mask = new Mask(secrets)
  return pieces.map((piece) => mask.feed(piece)).join('') + mask.flush()
}

describe('what a command prints', () => {
  it.each([
    ['whole', ['say s3cret-value now'], 'say [hidden] now'],
    ['cut anywhere', [...'say s3cret-value now'], 'say [hidden] now'],
    ['twice', ['s3cret-values3cret', '-value'], '[hidden][hidden]'],
    ['begun and not ended', ['s3cret', '-', 'nothing'], 's3cret-nothing'],
    ['at the end', ['is s3cret-val'], 'is s3cret-val'],
  ])('has no secret that comes %s', (_how, pieces, expected) => {
    expect(shown(['s3cret-value'], pieces)).toBe(expected)
  })

  it('hides the longer of two that begin alike, wherever it is cut', () => {
    const text = 'a token-long-one b token c'
    for (let at = 0; at <= text.length; at++)
      expect(shown(['token', 'token-long-one'], [text.slice(0, at), text.slice(at)])).toBe(
        'a [hidden] b [hidden] c',
      )
  })

  it('hides each line of a secret of several, and leaves short ones alone', () => {
    expect(shown(['first line\nsecond line\n', 'abc'], ['> first line\r\n> second line; abc'])).toBe(
      '> [hidden]\r\n> [hidden]; abc',
    )
  })

  it('is hidden in the Problem too, and nothing of the output is lost', async () => {
    const printed: string[] = []
    const report: ActionReport = {
      detail: () => undefined,
      result: () => undefined,
      progress: () => undefined,
      output: (text) => void printed.push(text),
    }
    const failing = withMask(['s3cret-value'], report, async ({ output }) => {
      output('it is s3cret-value, or s3c')
      throw problem({
        code: 'lifecycle-failed',
        title: 'Failed',
        cause: '“run s3cret-value” ended.',
        remedy: 'Mend it.',
        detail: 's3cret-value',
      })
    })
    await expect(failing).rejects.toMatchObject({
      problem: { cause: '“run [hidden]” ended.', detail: '[hidden]' },
    })
    expect(printed.join('')).toBe('it is [hidden], or s3c')
  })
})
