import { describe, expect, it } from 'vitest'
import type { Progress } from '#contract'
import { BuildProgress } from './progress'
import { writeMessage } from './protobuf'
import { readTrace } from './trace'

class Recorder {
  text = ''
  readonly details: string[] = []
  readonly progresses: Progress[] = []
  detail(text: string) {
    this.details.push(text)
  }
  progress(progress: Progress) {
    this.progresses.push(progress)
  }
  output(text: string) {
    this.text += text
  }
}

const time = writeMessage([[1, 1_700_000_000]])

function vertex(
  digest: string,
  name: string,
  state: { started?: true; done?: true; cached?: true; error?: string },
) {
  return writeMessage([
    [1, digest],
    [3, name],
    ...(state.cached ? [[4, 1] as const] : []),
    ...(state.started ? [[5, time] as const] : []),
    ...(state.done ? [[6, time] as const] : []),
    ...(state.error ? [[7, state.error] as const] : []),
  ])
}

const log = (digest: string, text: string) =>
  writeMessage([
    [1, digest],
    [2, time],
    [3, 1],
    [4, Buffer.from(text)],
  ])

describe('the progress of a build', () => {
  it('tells steps, their output by lines, what was cached, and how many are done', () => {
    const report = new Recorder()
    const progress = new BuildProgress(report)
    const take = (...fields: (readonly [number, Buffer])[]) => progress.take(readTrace(writeMessage(fields)))
    take([1, vertex('a', '[1/2] FROM x', {})], [1, vertex('b', '[2/2] RUN make', {})])
    expect(report.text).toBe('')
    take([1, vertex('a', '[1/2] FROM x', { started: true, done: true, cached: true })])
    take([1, vertex('b', '[2/2] RUN make', { started: true })], [3, log('b', 'one\ntw')])
    take([3, log('b', 'o\r\n10%\r20%\nrest')])
    take([1, vertex('b', '[2/2] RUN make', { started: true, done: true })])
    expect(report.text).toBe(
      '#1 [1/2] FROM x\n#1 CACHED\n#2 [2/2] RUN make\n#2 one\n#2 two\n#2 20%\n#2 rest\n#2 DONE\n',
    )
    expect(report.details).toEqual(['[1/2] FROM x', '[2/2] RUN make'])
    expect(report.progresses.at(-1)).toEqual({ current: 2, total: 2, unit: 'count' })
    expect(progress.failed).toBeUndefined()
  })

  it('keeps the step that failed, with its last lines, and not those that were ended for it', () => {
    const report = new Recorder()
    const progress = new BuildProgress(report)
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join('')
    progress.take(
      readTrace(
        writeMessage([
          [1, vertex('c', 'other', { started: true, done: true, error: 'context canceled' })],
          [1, vertex('b', '[2/2] RUN make', { started: true })],
          [3, log('b', lines)],
        ]),
      ),
    )
    const failed = vertex('b', '[2/2] RUN make', { started: true, done: true, error: 'exit code: 2' })
    progress.take(readTrace(writeMessage([[1, failed]])))
    progress.take(readTrace(writeMessage([[1, failed]])))
    expect(progress.failed).toMatchObject({ name: '[2/2] RUN make', error: 'exit code: 2' })
    expect(progress.failed?.lines).toHaveLength(20)
    expect(progress.failed?.lines.at(-1)).toBe('line 49')
    expect(report.text.match(/ERROR/g)).toHaveLength(1)
    expect(report.text).toContain('CANCELED')
  })

  it('adds up what is pulled', () => {
    const report = new Recorder()
    const status = (id: string, current: number, total: number) =>
      writeMessage([
        [1, id],
        [2, 'a'],
        [4, current],
        [5, total],
      ])
    new BuildProgress(report).take(
      readTrace(
        writeMessage([
          [2, status('x', 5, 10)],
          [2, status('y', 30, 20)],
        ]),
      ),
    )
    expect(report.progresses).toEqual([{ current: 25, total: 30, unit: 'bytes' }])
  })
})
