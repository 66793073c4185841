import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { AssuanAnswers, AssuanError, AssuanLines, LONGEST_LINE } from './assuan'
import { relayGpg } from './gpg-relay'
import { pair } from './stream-pair.suite'

describe('what an agent of gpg says', () => {
  const said = Buffer.concat([
    Buffer.from('OK Pleased\nD (7:sig'),
    Buffer.from([0xff, 0x00]),
    Buffer.from(')\nOK\nERR 1 no\n'),
  ])

  it('is put together to answers, from any pieces', () => {
    for (const size of [1, 3, 7, said.length]) {
      const answers = new AssuanAnswers()
      const taken: Buffer[] = []
      for (let at = 0; at < said.length; at += size) taken.push(...answers.push(said.subarray(at, at + size)))
      expect(taken.map((answer) => answer.length)).toEqual([11, 15, 9])
      expect(Buffer.concat(taken)).toEqual(said)
    }
  })

  it('is no answer where it asks back, or has no end', () => {
    expect(() => new AssuanAnswers().push(Buffer.from('INQUIRE PASSPHRASE\n'))).toThrow(AssuanError)
    const answers = new AssuanAnswers()
    const line = Buffer.from(`D ${'x'.repeat(900)}\n`)
    expect(() => {
      for (let count = 0; count < 100; count++) answers.push(line)
    }).toThrow(AssuanError)
    for (const end of ['', '\n'])
      expect(() => new AssuanLines().push(Buffer.from('x'.repeat(LONGEST_LINE) + end))).toThrow(AssuanError)
  })
})

describe("the way to gpg's agent", () => {
  /** Sends lines and resolves with the answers, the greeting left out, and what was passed on. */
  async function talk(
    lines: readonly string[],
    permit: (use: string) => Promise<boolean> = async () => true,
  ) {
    const [near, far] = pair()
    const asked: string[] = []
    const over = relayGpg({
      stream: far,
      permit,
      ask: async (line) => {
        asked.push(line.toString())
        if (line.toString() === 'READKEY gone') throw new Error('gone')
        return Buffer.from('OK\n')
      },
    })
    const output = new PassThrough()
    near.pipe(output)
    near.end(lines.map((line) => `${line}\n`).join(''))
    await over
    let text = ''
    for await (const chunk of output) text += chunk
    return { answers: text.trimEnd().split('\n').slice(1), asked }
  }

  it('lets through what a signature needs, and keeps what is about a terminal', async () => {
    const lines = ['RESET', 'OPTION ttyname=/dev/pts/1', 'GETINFO version', 'HAVEKEY A', 'SIGKEY A', 'PKSIGN']
    const { answers, asked } = await talk(lines)
    expect(answers).toEqual(lines.map(() => 'OK'))
    expect(asked).toEqual(['RESET', 'GETINFO version', 'HAVEKEY A', 'SIGKEY A', 'PKSIGN'])
  })

  it('refuses all else, without a question', async () => {
    const lines = [
      'PKDECRYPT',
      'GENKEY',
      'EXPORT_KEY A',
      'GET_PASSPHRASE x',
      'GETINFO scd_running',
      'SCD',
      '',
    ]
    const { answers, asked } = await talk(lines, async () => {
      throw new Error('asked')
    })
    expect(answers).toEqual(lines.map(() => 'ERR 67109115 Forbidden <Berth>'))
    expect(asked).toEqual([])
  })

  it('says that it was cancelled where the user denies it, and that there is none where it does not answer', async () => {
    const denied = await talk(['HAVEKEY A', 'PKSIGN'], async (use) => use === 'list')
    expect(denied).toEqual({
      answers: ['OK', 'ERR 67108963 Operation cancelled <Berth>'],
      asked: ['HAVEKEY A'],
    })
    expect((await talk(['READKEY gone'])).answers).toEqual(['ERR 67108941 No agent running <Berth>'])
  })

  it('ends with BYE', async () => {
    expect(await talk(['BYE', 'HAVEKEY A'])).toEqual({ answers: ['OK'], asked: [] })
  })
})
