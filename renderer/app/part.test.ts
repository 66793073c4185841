import { type ComponentType, createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import { part } from './part'

interface GreetingProps {
  readonly name: string
}

const module = { Greeting: ({ name }: GreetingProps) => createElement('b', {}, `Ahoy ${name}`) }
const drawn = (View: ComponentType<GreetingProps>) =>
  renderToStaticMarkup(createElement(View, { name: 'crew' }))

describe('a part whose code comes later', () => {
  it('shows what stands for it until then, and itself at once when the code is there', async () => {
    const { View, fetch } = part(
      async () => module,
      ({ Greeting }) => Greeting,
      'Loading',
    )
    expect(drawn(View)).toBe('Loading')
    await fetch()
    expect(drawn(View)).toBe('<b>Ahoy crew</b>')
  })

  it('shows nothing until then where nothing was given', () => {
    const { View } = part(
      async () => module,
      ({ Greeting }) => Greeting,
    )
    expect(drawn(View)).toBe('')
  })

  it('is asked for anew after it could not be loaded', async () => {
    let asked = 0
    const { View, fetch } = part(
      async () => {
        asked += 1
        if (asked === 1) throw new Error('no such file')
        return module
      },
      ({ Greeting }) => Greeting,
      'Loading',
    )
    await expect(fetch()).rejects.toThrow('no such file')
    expect(drawn(View)).toBe('Loading')
    await fetch()
    await fetch()
    expect(asked).toBe(2)
    expect(drawn(View)).toBe('<b>Ahoy crew</b>')
  })
})
