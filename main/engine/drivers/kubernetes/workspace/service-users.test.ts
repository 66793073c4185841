import { expect, it } from 'vitest'
import type { Service } from '#contract'
import { serviceUsers } from './service-users'

const service = (name: string, user?: string): Service => ({
  name,
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'never',
  ...(user !== undefined && { user }),
})
const inside = (hasShell: boolean) => ({
  version: 1 as const,
  at: 0,
  imageId: 'sha256:1',
  user: 'root',
  passwd: hasShell ? 'root:x:0:0::/root:/bin/sh\npostgres:x:999:998::/var/lib/postgresql:/bin/sh' : '',
  group: '',
  hasShell,
  env: {},
})

it('looks into images only for users by name, and says who cannot be known', async () => {
  const looked: string[] = []
  const said: string[] = []
  const look = async (image: string) => {
    looked.push(image)
    return inside(image !== 'bare')
  }
  const images = {
    db: 'postgres',
    plain: 'redis',
    number: 'redis',
    bare: 'bare',
    group: 'postgres',
    own: 'bare',
  }
  const services = [
    service('db', 'postgres'),
    service('plain'),
    service('number', '5:6'),
    service('bare', 'nobody'),
    service('group', 'postgres:42'),
    service('own', 'root'),
  ]
  const users = await serviceUsers(services, images, look, (text) => said.push(text))
  expect(users).toEqual({ db: '999:998', group: '999:42', own: '0:0' })
  expect(looked).toEqual(['postgres', 'bare', 'postgres', 'bare'])
  expect(said).toEqual([expect.stringMatching(/^The service bare runs as its image says: who "nobody" is/)])
  await expect(serviceUsers([service('db', 'ghost')], images, look, () => undefined)).rejects.toMatchObject({
    problem: { code: 'user-not-found' },
  })
})
