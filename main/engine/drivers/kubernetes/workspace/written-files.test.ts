import { expect, it } from 'vitest'
import { serviceContainer } from './anatomy'
import { containerFit } from './container-options'
import { specOf } from './fixtures'
import { planWorkspace } from './manifests'

const service = {
  name: 'db',
  image: 'postgres',
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'never' as const,
  container: {
    files: [{ target: '/run/secrets/token', variable: 'TOKEN', uid: 70, mode: 0o400 }],
  },
}
const container = { rights: [], files: [{ target: '/etc/motd', text: 'Hello $' + '{localEnv:TOKEN}' }] }

it('files of a definition come from the Secret of the workspace, and nothing else holds them', () => {
  const { secret, statefulSet, claim } = planWorkspace(specOf({}, { container, services: [service] }), {
    namespace: 'team',
    making: 'abc',
    options: {},
    env: { TOKEN: 'se$cret' },
    secretName: 'ws-tabcdefghi',
  })
  const decoded = Object.entries(secret?.data ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString(),
  ])
  expect(Object.fromEntries(decoded)).toEqual({
    'file.0': 'Hello se$cret',
    'service.db.file.0': 'se$cret',
  })
  expect(JSON.stringify([statefulSet, claim])).not.toContain('se$cret')
  const pod = statefulSet.spec?.template.spec
  expect(pod?.volumes).toEqual(
    expect.arrayContaining([
      {
        name: 'files',
        secret: { secretName: 'ws-tabcdefghi', items: [{ key: 'file.0', path: '0', mode: 0o444 }] },
      },
      {
        name: 'files-db',
        secret: {
          secretName: 'ws-tabcdefghi',
          items: [{ key: 'service.db.file.0', path: '0', mode: 0o444 }],
        },
      },
    ]),
  )
  const mountsOf = (name: string) => pod?.containers.find((one) => one.name === name)?.volumeMounts
  expect(mountsOf('workspace')).toContainEqual({
    name: 'files',
    mountPath: '/etc/motd',
    subPath: '0',
    readOnly: true,
  })
  expect(mountsOf(serviceContainer('db'))).toEqual([
    { name: 'files-db', mountPath: '/run/secrets/token', subPath: '0', readOnly: true },
  ])
  expect(containerFit.service(service)).toEqual([
    { field: 'owner of /run/secrets/token', reason: expect.stringContaining('belongs to root') },
  ])
  expect(containerFit.options(container)).toEqual([])
})
