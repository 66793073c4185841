import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { TypedInput, WAITING_INPUT } from './typed-input'

/** What a process was typed. */
class Process extends PassThrough {
  get typed(): string {
    return String(this.read() ?? '')
  }
}

let input: TypedInput
let dropped: number
const type = (text: string) => input.type(Buffer.from(text))

/** A process with so much of the input, if it counts that. */
function attach(typed?: number): Process {
  const process = new Process()
  input.attach(process, typed)
  return process
}

beforeEach(() => {
  dropped = 0
  input = new TypedInput(() => {
    dropped += 1
  })
})

describe('input before there is a process', () => {
  it('waits for it, in order', () => {
    type('a')
    type('b')
    const process = attach()
    type('c')
    expect(process.typed).toBe('abc')
  })

  it('is bounded, and has no gap: all after what was dropped is dropped too, until there is a process', () => {
    type('x'.repeat(WAITING_INPUT - 1))
    type('yy')
    type('z')
    expect(dropped).toBe(1)
    const process = attach(0)
    type('!')
    expect(process.typed).toBe(`${'x'.repeat(WAITING_INPUT - 1)}!`)
    input.detach()
    type('x'.repeat(WAITING_INPUT + 1))
    expect(dropped).toBe(2)
  })
})

describe('input of a process that counts it', () => {
  it('is sent again from where it did not arrive, with what was typed meanwhile', () => {
    attach(0)
    type('abc')
    type('def')
    input.detach()
    type('gh')
    const next = attach(4)
    expect(next.typed).toBe('efgh')
    type('i')
    expect(next.typed).toBe('i')
    input.detach()
    expect(attach(9).typed).toBe('')
    input.detach()
    // And once more, where nothing of the last time has arrived after all of it was told.
    type('jk')
    attach(9)
    input.detach()
    expect(attach(10).typed).toBe('k')
  })

  it('is let go of as it arrives', () => {
    attach(0)
    type('abc')
    type('def')
    input.arrived(4)
    type('g')
    input.arrived(5)
    input.detach()
    expect(attach(5).typed).toBe('fg')
    input.arrived(1_000)
    input.detach()
    expect(attach(7).typed).toBe('')
  })

  it('does not count towards what may wait', () => {
    attach(0)
    const many = 'x'.repeat(3 * WAITING_INPUT)
    type(many)
    input.detach()
    type('y'.repeat(WAITING_INPUT))
    expect(dropped).toBe(0)
    expect(attach(0).typed).toBe(`${many}${'y'.repeat(WAITING_INPUT)}`)
  })

  it('is not sent twice to one that does not know the writer any more', () => {
    attach(0)
    type('abcdef')
    input.arrived(6)
    type('unsure')
    input.detach()
    type('new')
    const next = attach(0)
    expect(next.typed).toBe('new')
    type('er')
    input.detach()
    expect(attach(4).typed).toBe('r')
  })

  it('is gone when the terminal has ended', () => {
    attach(0)
    type('abc')
    input.end()
    expect(attach(0).typed).toBe('')
  })
})

it('is not sent twice to a process that does not count', () => {
  attach()
  type('abc')
  input.detach()
  type('d')
  expect(attach().typed).toBe('d')
})
