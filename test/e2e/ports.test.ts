import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BerthPage } from './berth-page'
import { pictureFailures } from './failure-picture'
import { openWorkspaceWindow, type WorkspaceWindow } from './workspace-window'

let opened: WorkspaceWindow
pictureFailures(() => opened?.berth)
let window: BerthPage

beforeAll(async () => {
  opened = await openWorkspaceWindow('pier')
  window = opened.window
})
afterAll(() => opened?.dispose())

/** Serves over UDP and at a path, and over TCP at a number of the system's choice; prints that when it is told to. */
const program = `
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 5353))
path = socket.socket(socket.AF_UNIX)
path.bind("/tmp/tides.sock")
path.listen()
tcp = socket.create_server(("127.0.0.1", 0))
print("up".upper())
input()
print("At", tcp.getsockname()[1])
input()
`

describe('what listens', () => {
  it('beside TCP is shown, with its process and why it is not forwarded, and nothing to press', async () => {
    await window.openTerminal()
    const text = Buffer.from(program).toString('base64')
    await window.run(`python3 -c "$(echo ${text} | base64 -d)"`)
    await window.waitForText('UP')
    await window.tab('Ports')
    const others = window.page.getByRole('region', { name: 'Also listening' })
    const rows = others.getByRole('listitem')
    // Which sockets there are and whose they are is read one after another, and not always in one look.
    await expect
      .poll(() => rows.allTextContents())
      .toEqual(['UDP0.0.0.0:5353python3', 'Unix/tmp/tides.sockpython3'])
    expect(await others.textContent()).toContain('Not forwarded')
    expect(await others.getByRole('button').count()).toBe(0)
  })

  it('at a number of the system’s choice is shown with a doubt, until the terminal says it', async () => {
    const row = window.page.getByRole('list', { name: 'Ports' }).getByRole('listitem')
    await row.getByText('Maybe a helper’s own').waitFor()
    await window.tab('Terminals')
    await window.run('')
    await window.waitForText('At ')
    await window.tab('Ports')
    await row.getByText('Live', { exact: true }).waitFor()
    await window.tab('Terminals')
    await window.run('')
    await window.tab('Ports')
    await window.page.getByRole('region', { name: 'Also listening' }).waitFor({ state: 'detached' })
  })
})
