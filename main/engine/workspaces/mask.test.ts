import { describe, expect, it } from 'vitest'
import { imageDefinition, problem } from '#contract'
import { localSecrets, Mask, withMask } from './mask'
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

  it('hides what usual tools make of one', () => {
    const secret = 'p@ss "word"\n#1'
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const forms = [
      `https://user:${encodeURIComponent(secret)}@example.com`,
      JSON.stringify({ secret }),
      base64(secret),
      base64(`u:${secret}`),
      base64(`me:${secret}\n`),
      Buffer.from(`${secret}??>`).toString('base64url'),
    ]
    for (const form of forms) {
      const left = shown([secret], [...form])
      expect(left, form).toContain('[hidden]')
      expect(Buffer.from(left.replaceAll('[hidden]', '.'), 'base64').toString()).not.toContain('word')
      expect(left).not.toContain('word')
    }
    // A text that no encoding has is none that could be found in one.
    expect(shown(['\uD800-secret'], ['say \uD800-secret'])).toBe('say [hidden]')
  })

  it('looks for the longest lines of a large file', () => {
    const key = 'a line that is longer than others'
    const secret = Array.from({ length: 5_000 }, (_, index) =>
      index === 4_000 ? key : `line ${index}`,
    ).join('\n')
    expect(shown([secret], ['x'.repeat(100_000), key])).toBe(`${'x'.repeat(100_000)}[hidden]`)
  })

  it('is hidden in what is thrown besides', async () => {
    const failing = withMask(['s3cret-value'], {} as ActionReport, async () => {
      throw new Error('spawn s3cret-value')
    })
    await expect(failing).rejects.toThrow('spawn [hidden]')
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

it('of this machine’s variables that a definition names those are secret whose names say so', () => {
  const definition = {
    ...imageDefinition('debian', 'x'),
    remoteEnv: { A: '${localEnv:NPM_TOKEN}', B: '${localEnv:USER}', C: '${localEnv:KEYBOARD:none}' },
    lifecycle: { postCreateCommand: ['login', '--password=${localEnv:DB_PASSWORD:}', '${localEnv:MY_KEY}'] },
  }
  const env = {
    NPM_TOKEN: 'token value',
    USER: 'root',
    KEYBOARD: 'de',
    DB_PASSWORD: 'password value',
    MY_KEY: undefined,
    OTHER_TOKEN: 'nobody asks',
  }
  expect(localSecrets(definition, env)).toEqual(['token value', 'password value'])
})
