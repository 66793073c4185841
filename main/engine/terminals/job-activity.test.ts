import { describe, expect, it } from 'vitest'
import { noActivity } from '../link/link'
import { JobActivity } from './job-activity'

function open() {
  let now = 1_000_000
  const marks: string[] = []
  const activity = {
    ...noActivity,
    mark: (reason: string, what = '') => void marks.push(`${reason} ${what}`),
  }
  const clock = { now: () => now, sleep: () => Promise.resolve() }
  const jobs = new JobActivity(activity, clock, () => 'bash')
  const print = (...pieces: string[]) => {
    for (const piece of pieces) {
      now += 2_000
      jobs.printed(Buffer.from(piece))
    }
  }
  return {
    jobs,
    marks,
    print,
    pass: (milliseconds: number) => {
      now += milliseconds
    },
  }
}

describe('activity in a terminal', () => {
  it('is what is typed, and not its echo', () => {
    const { jobs, marks, pass } = open()
    jobs.typed()
    pass(20)
    jobs.printed(Buffer.from('l'))
    expect(marks).toEqual(['input bash'])
  })

  it('is what a job prints: lines, colours, progress', () => {
    const { marks, print } = open()
    print('one\r\n', '\x1b[32mok\x1b[0m\r\n', '\r[## ]\x1b[K', '\x1b[2A\x1b[Kup\r\n')
    expect(marks).toHaveLength(4)
  })

  it.each([
    ['top', ['\x1b[H\x1b[2Jtop - 12:00']],
    ['a clock in a corner', ['\x1b[24;70H12:00', '\x1b[24;70H12:01']],
    ['what is on the alternate screen', ['\x1b[?1049h', 'text', 'more']],
    ['a sequence in two pieces', ['\x1b[?10', '49h', 'text']],
  ])('is not %s', (_name, pieces) => {
    const { marks, print } = open()
    print(...pieces)
    // The first half of a sequence may pass for text.
    expect(marks.length).toBeLessThanOrEqual(pieces[0]?.endsWith('10') ? 1 : 0)
  })

  it('is not the second piece of a picture', () => {
    const { jobs, marks, pass } = open()
    jobs.printed(Buffer.from('\x1b[Htop'))
    pass(5)
    jobs.printed(Buffer.from('the rest of it'))
    expect(marks).toEqual([])
    pass(3_000)
    jobs.printed(Buffer.from('a line'))
    expect(marks).toEqual(['output bash'])
  })

  it('is not what is drawn anew for another size', () => {
    const { jobs, marks, pass } = open()
    jobs.resized()
    pass(50)
    jobs.printed(Buffer.from('\r$ '))
    expect(marks).toEqual([])
  })

  it('is what comes after the alternate screen', () => {
    const { marks, print } = open()
    print('\x1b[?1049h', 'text', '\x1b[?1049l', 'a line')
    expect(marks).toEqual(['output bash'])
  })
})
