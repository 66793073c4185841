import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { ApiClient } from '../../main/engine/drivers/kubernetes/api'
import { startExec } from '../../main/engine/drivers/kubernetes/streams/exec'
import { openLogs } from '../../main/engine/drivers/kubernetes/streams/logs'
import { PodStats } from '../../main/engine/drivers/kubernetes/streams/stats'
import { systemClock } from '../../main/engine/platform/clock'
import { CuttingProxy } from '../harness/cutting-proxy'
import { TEST_IMAGES } from '../harness/images'
import { clientOf, startPod } from './pods'
import { dependenciesOf, never, sh, streamPods, until } from './stream-pods'

const on = streamPods()

describe('stats', () => {
  it.each([
    ['debian', () => on.pod],
    ['busybox', () => on.smallPod],
  ])('tells a busy processor and the memory in use (%s)', async (_, where) => {
    const dependencies = dependenciesOf(on.client)
    const stats = new PodStats(dependencies, systemClock)
    const place = { pod: where(), container: 'main' }
    const idle = await stats.read(place, never)
    expect(idle.memory).toBeGreaterThan(0)
    const busy = await startExec(
      dependencies,
      place.pod,
      'main',
      { command: sh('while :; do :; done') },
      never,
    )
    let most = 0
    // A machine that is busy otherwise gives it a processor late.
    await expect
      .poll(
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 2_000))
          const { cpu } = await stats.read(place, never)
          most = Math.max(most, cpu)
          return cpu
        },
        { interval: 0 },
      )
      .toBeGreaterThan(idle.cpu)
    busy.destroy()
    await Promise.all(dependencies.ending)
    expect(most).toBeLessThan(3)
  })
})

describe('logs', () => {
  const closed = new AbortController()
  const open = (api: ApiClient, name: string, options: { follow: boolean; tail?: number }, signal = never) =>
    openLogs(
      { client: api, clock: systemClock, closed: closed.signal },
      { pod: name, container: 'main' },
      options,
      signal,
    )
  const talker = (script: string) =>
    startPod(on.cluster, on.namespace.name, { image: TEST_IMAGES.alpine, command: sh(script) })

  it('gives what was printed, whole or its end, with long lines as they were', async () => {
    const long = 'y'.repeat(50_000)
    const name = await talker(
      `for n in 1 2 3; do echo $n; done; head -c 50000 /dev/zero | tr "\\0" y; echo; printf last; sleep 1`,
    )
    await until(
      async () => (await text((await open(on.client, name, { follow: false })).stdout)).endsWith('last'),
      () => 'no last line',
    )
    const logs = await open(on.client, name, { follow: false })
    expect(await text(logs.stdout)).toBe(`1\n2\n3\n${long}\nlast`)
    expect(await text(logs.stderr)).toBe('')
    expect(await logs.end).toEqual({})
    expect(await text((await open(on.client, name, { follow: false, tail: 0 })).stdout)).toBe('')
    expect(await text((await open(on.client, name, { follow: false, tail: 1 })).stdout)).toBe('last')
  })

  it('goes on where it broke off, again and again, until the container has ended', async () => {
    const proxy = await CuttingProxy.start(new URL(on.client.identity.endpoint))
    const api = clientOf(on.namespace, proxy.url)
    try {
      // It begins when it is read, and does not end before it has been broken off often enough, however slow that is.
      const wait = (file: string) => `until [ -e /tmp/${file} ]; do sleep 0.1; done`
      const name = await talker(
        `${wait('go')}; n=0; while [ $n -lt 20000 ]; do n=$((n+1)); echo line $n; [ $((n % 400)) = 0 ] && sleep 0.2; done; ${wait('stop')}; printf end`,
      )
      const touch = (file: string) =>
        on.cluster.kubectl('-n', on.namespace.name, 'exec', name, '--', 'touch', `/tmp/${file}`)
      const logs = await open(api, name, { follow: true })
      await touch('go')
      const reading = text(logs.stdout)
      let over = false
      void logs.end.then(() => {
        over = true
      })
      for (let tries = 0; (tries < 12 || proxy.cuts < 3) && !over; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 800))
        proxy.cut()
      }
      await touch('stop')
      const seen = await reading
      const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n + 1}\n`).join('')
      expect(seen === `${lines}end`).toBe(true)
      expect(await logs.end).toEqual({})
      expect(proxy.cuts).toBeGreaterThan(2)
    } finally {
      await api.dispose()
      await proxy.dispose()
    }
  })

  it('ends when it is destroyed, aborted, or the pod is deleted', async () => {
    const name = await talker('echo up; sleep 100000')
    const one = await open(on.client, name, { follow: true })
    one.destroy()
    expect(await one.end).toEqual({})
    const controller = new AbortController()
    const two = await open(on.client, name, { follow: true }, controller.signal)
    controller.abort()
    expect(await two.end).toEqual({})
    expect(two.stdout.destroyed).toBe(true)
    const three = await open(on.client, name, { follow: true })
    three.stdout.resume()
    await on.cluster.kubectl('-n', on.namespace.name, 'delete', 'pod', name, '--wait=false')
    expect(await three.end).toEqual({})
  })
})
