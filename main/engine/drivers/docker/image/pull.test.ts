import { describe, expect, it } from 'vitest'
import type { Progress } from '#contract'
import { PullProgress } from './pull'

function recorder() {
  const seen = { details: [] as string[], progresses: [] as Progress[], text: '' }
  return {
    seen,
    report: {
      detail: (text: string) => void seen.details.push(text),
      progress: (progress: Progress) => void seen.progresses.push(progress),
      output: (text: string) => {
        seen.text += text
      },
    },
  }
}

describe('PullProgress', () => {
  it('adds up the layers and never says more than the total', () => {
    const { seen, report } = recorder()
    const pull = new PullProgress(report)
    pull.take({ status: 'Pulling from a/b', id: '1' })
    for (const id of ['aaa', 'bbb', 'ccc']) pull.take({ status: 'Pulling fs layer', id })
    pull.take({ status: 'Already exists', id: 'ccc' })
    pull.take({ status: 'Downloading', id: 'aaa', progressDetail: { current: 10, total: 100 } })
    pull.take({ status: 'Downloading', id: 'bbb', progressDetail: { current: 50, total: 50 } })
    pull.take({ status: 'Download complete', id: 'aaa' })
    pull.take({ status: 'Extracting', id: 'aaa', progressDetail: { current: 1, total: 300 } })
    pull.take({ status: 'Pull complete', id: 'aaa' })
    pull.take({ status: 'Pull complete', id: 'bbb' })
    pull.take({ status: 'Status: Downloaded newer image for a/b:1' })
    pull.end()
    expect(seen.progresses.at(-1)).toEqual({ current: 150, total: 150, unit: 'bytes' })
    for (const { current, total = 0 } of seen.progresses) expect(current).toBeLessThanOrEqual(total)
    expect(seen.details.at(-1)).toContain('3 of 3')
    expect(seen.text).toContain('aaa: Pull complete\n')
    expect(seen.text).toContain('Downloaded newer image')
  })
})
