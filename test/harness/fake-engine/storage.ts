import type { Operation, PlacedSnapshot, Prebuild } from '#contract'
import { createOperation, failedOperation, type Scene, scenes } from './scenes'
import { minute, now } from './time'

const prebuild = (fields: Partial<Prebuild> & Pick<Prebuild, 'id' | 'url'>): Prebuild => ({
  targetId: 'docker:default',
  madeAt: now - 120 * minute,
  commit: '4f1c2ab'.padEnd(40, '0'),
  image: `berth/prebuild:${fields.id}`,
  size: 1_312_000_000,
  ...fields,
})

const prebuilds: readonly Prebuild[] = [
  prebuild({ id: '0a1b2c3d4e5f', url: 'https://github.com/acme/atlas' }),
  prebuild({
    id: '1b2c3d4e5f60',
    url: 'git@gitlab.example.com:payments/billing-service.git',
    ref: 'feature/invoice-rounding-for-very-long-branch-names',
    madeAt: now - 9 * 24 * 60 * minute,
    size: 824_000_000,
    definitionPath: '.devcontainer/api/devcontainer.json',
  }),
  prebuild({
    id: '2c3d4e5f6071',
    url: 'https://github.com/acme/storefront',
    targetId: 'docker:buildbox',
    madeAt: now - 40 * minute,
  }),
]

const snapshots: readonly PlacedSnapshot[] = ['before the migration', 'with sample orders'].map(
  (name, index) => ({
    targetId: 'docker:default',
    orphan: true,
    snapshot: {
      id: `s${index}`.padEnd(12, 'b'),
      workspaceId: 'wgone00001',
      workspaceName: 'orders',
      name,
      createdAt: now - (index + 1) * 26 * 60 * minute,
      volumes: [{ name: 'pgdata', bytes: 52_428_800 * (index + 1), image: 'postgres:16' }],
      commit: '4f1c2ab'.padEnd(40, '0'),
      branch: 'main',
    },
  }),
)

/** Answers about what targets keep. */
export const storage: Readonly<Record<string, (input: never) => unknown>> = {
  'prebuilds.list': ({ targetId }: { targetId: string }) =>
    prebuilds.filter((one) => one.targetId === targetId),
  'prebuilds.create': () => ({
    operationId: 'op-prebuild',
    workspaceId: 'wprebuild1',
    prebuildId: '0a1b2c3d4e5f',
  }),
  'data.snapshots': ({ targetId }: { targetId?: string }) =>
    snapshots.filter((one) => targetId === undefined || one.targetId === targetId),
}

const making: Operation = {
  ...createOperation,
  id: 'op-prebuild',
  kind: 'prebuild',
  workspaceId: 'wprebuild1',
}

/** One prebuild that is being made, and one that failed. */
export const storageScene: Scene = {
  ...scenes.full,
  operations: [
    making,
    { ...failedOperation, kind: 'prebuild', workspaceId: 'wprebuild2', workspaceName: 'forecast' },
  ],
}
