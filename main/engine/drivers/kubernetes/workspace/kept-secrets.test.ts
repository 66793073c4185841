import { describe, expect, it } from 'vitest'
import { keptSecret } from './kept-secrets'

describe('the Secret of a workspace’s variables', () => {
  it('has the values as data, goes with the volume, and nothing of them is in what tells of it', () => {
    const value = 's3cret “value”\nof two lines'
    const secret = keptSecret('abcdefghij', 'team', 'the-uid', { TOKEN: value, 'berth.facts': '{}' })
    expect(secret).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: {
        name: 'ws-abcdefghij-variables',
        namespace: 'team',
        labels: { 'app.kubernetes.io/managed-by': 'berth', 'berth.dev/workspace': 'abcdefghij' },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'ws-abcdefghij', uid: 'the-uid' },
        ],
      },
      data: { TOKEN: Buffer.from(value).toString('base64'), 'berth.facts': 'e30=' },
    })
  })

  it('is nobody’s where there is no volume yet', () => {
    expect(keptSecret('abcdefghij', 'team', undefined, {}).metadata?.ownerReferences).toBeUndefined()
  })
})
