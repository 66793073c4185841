import { describe, expect, it } from 'vitest'
import { isShellCommand, oneShots } from './one-shot'
import type { Service } from './service'

const service = (name: string, fields: Partial<Service> = {}): Service => ({
  name,
  image: 'x',
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'never',
  ...fields,
})
const needs = (name: string, condition: 'started' | 'healthy' | 'completed') => ({ service: name, condition })
const shots = (...services: Service[]) => Object.fromEntries(oneShots({ services }))

describe('oneShots', () => {
  it('are those whose success is waited for, and those that plainly serve nobody', () => {
    expect(
      shots(
        service('keys'),
        service('certificates', { dependsOn: [needs('keys', 'completed')] }),
        service('db', { ports: [5432], dependsOn: [needs('certificates', 'completed')] }),
        service('migrate', { dependsOn: [needs('db', 'healthy'), needs('keys', 'completed')] }),
        service('web', { ports: [80], dependsOn: [needs('migrate', 'completed')] }),
        service('buckets', { dependsOn: [needs('db', 'started')] }),
        service('again', { restart: 'on-failure' }),
        service('server', { restart: 'always' }),
      ),
    ).toEqual({ keys: 'first', certificates: 'first', migrate: 'beside', buckets: 'beside' })
  })

  it('are none that are started again, or that something uses while they run', () => {
    expect(
      shots(
        service('odd', { restart: 'always' }),
        service('used'),
        service('retried', { restart: 'on-failure' }),
        service('web', {
          ports: [80],
          dependsOn: [needs('odd', 'completed'), needs('used', 'started'), needs('retried', 'completed')],
        }),
      ),
    ).toEqual({ retried: 'beside' })
  })

  it('end where services wait for each other in a circle', () => {
    const circle = [
      service('a', { dependsOn: [needs('b', 'completed')] }),
      service('b', { dependsOn: [needs('a', 'completed')] }),
    ]
    expect(shots(...circle)).toEqual({ a: 'beside', b: 'beside' })
  })

  it('may be needed by the workspace alone', () => {
    const dependsOn = [needs('migrate', 'completed')]
    expect([...oneShots({ services: [service('migrate', { ports: [1] })], dependsOn })]).toEqual([
      ['migrate', 'first'],
    ])
  })
})

it('knows a shell by its name', () => {
  expect([['sh'], ['/bin/bash', '-c'], ['/usr/bin/zsh']].map(isShellCommand)).toEqual([true, true, true])
  expect([undefined, [], ['push'], ['/bin/sh.exe'], ['./sh']].map(isShellCommand)).not.toContain(true)
})
