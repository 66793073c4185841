import type { Port } from '#contract'
import { minute, now } from './time'

export function port(fields: Partial<Port> & Pick<Port, 'workspaceId' | 'port' | 'state'>): Port {
  return {
    id: `${fields.workspaceId}:${fields.port}`,
    origin: 'detected',
    listeners: [],
    protocol: 'http',
    onAutoForward: 'notify',
    seenAt: now - 10 * minute,
    ...fields,
  }
}

export const ports: readonly Port[] = [
  port({
    workspaceId: 'watlas0001',
    port: 8501,
    state: 'live',
    origin: 'definition',
    label: 'Streamlit',
    listeners: [
      {
        port: 8501,
        address: '127.0.0.1',
        process: {
          pid: 412,
          name: 'streamlit',
          command: '/usr/local/bin/python /usr/local/bin/streamlit run app.py',
        },
      },
    ],
    forward: {
      localAddress: '127.0.0.1',
      localPort: 8501,
      url: 'http://8501-atlas.localhost:7080/',
      connections: 3,
    },
  }),
  port({
    workspaceId: 'watlas0001',
    port: 5173,
    state: 'reconnecting',
    listeners: [
      {
        port: 5173,
        address: '::1',
        process: { pid: 620, name: 'node', command: 'node /workspaces/atlas/node_modules/.bin/vite' },
      },
    ],
    forward: {
      localAddress: '127.0.0.1',
      localPort: 41573,
      url: 'http://5173-atlas.localhost:7080/',
      connections: 1,
    },
  }),
  port({
    workspaceId: 'watlas0001',
    port: 5432,
    state: 'not-listening',
    protocol: 'tcp',
    origin: 'manual',
    label: 'Database',
    forward: { localAddress: '127.0.0.1', localPort: 5432, connections: 0 },
  }),
  port({
    workspaceId: 'watlas0001',
    port: 8888,
    state: 'failed',
    listeners: [
      {
        port: 8888,
        address: '0.0.0.0',
        process: { pid: 801, name: 'jupyter-lab', command: 'jupyter-lab --port 8888' },
      },
    ],
    problem: {
      code: 'port-busy',
      title: 'Local port 8888 is taken',
      cause: 'Its definition asks for exactly 8888 on this machine, and another program listens there.',
      remedy: 'End that program, or take requireLocalPort out of the definition.',
    },
  }),
  port({
    workspaceId: 'wbilling01',
    port: 3000,
    state: 'live',
    label: 'Storybook of the invoice editor',
    listeners: [
      { port: 3000, address: '0.0.0.0', process: { pid: 12, name: 'node', command: 'node server.js' } },
    ],
    forward: {
      localAddress: '127.0.0.1',
      localPort: 3000,
      url: 'http://3000-billing-service.localhost:7080/',
      connections: 0,
    },
  }),
]
