import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser, openPage } from '../harness/browser'
import { TEST_IMAGES } from '../harness/images'
import type { Rule, TestNamespace } from '../harness/kubernetes/namespaces'
import { type ObtainedCluster, obtainCluster } from '../harness/kubernetes/obtain'
import { BerthPage } from './berth-page'
import { pictureFailures } from './failure-picture'
import { type BerthApp, type Home, launchBerth, makeHome, windowUser } from './launch'

const PORT = 8502
const NAME = 'quay'

let obtained: ObtainedCluster | undefined
let problem: string | undefined
let namespace: TestNamespace
let context: string
let home: Home
let berth: BerthApp
let window: BerthPage
pictureFailures(() => berth)

beforeAll(async () => {
  const found = await obtainCluster([TEST_IMAGES.debian])
  if ('problem' in found) {
    problem = found.problem
    return
  }
  obtained = found
  namespace = await found.cluster.makeNamespace()
  await namespace.makeQuota('team', 'requests.cpu=500m,requests.memory=512Mi')
  context = (await namespace.kubectl('config', 'current-context')).trim()
  home = await makeHome()
  await mkdir(join(home.path, '.kube'))
  await copyFile(namespace.kubeconfig, join(home.path, '.kube/config'))
  await (await windowUser()).own(join(home.path, '.kube'))
  // No Docker: the cluster is all that there is.
  berth = await launchBerth({ home, env: { DOCKER_HOST: `unix://${home.path}/docker.sock` } })
  window = new BerthPage(berth.page)
})
afterAll(async () => {
  try {
    await berth?.close()
  } finally {
    await home?.dispose()
    await namespace?.dispose()
    await obtained?.dispose()
  }
})
beforeEach(({ skip }) => skip(problem !== undefined, problem))

function asAdmin(...args: string[]): Promise<string> {
  if (!obtained) throw new Error('there is no cluster')
  return obtained.cluster.kubectl('-n', namespace.name, ...args)
}

/** What the cluster has of Berth's, as kubectl tells it. */
async function objects(): Promise<string[]> {
  const kinds = 'statefulset,pod,persistentvolumeclaim,secret,networkpolicy'
  const found = await asAdmin('get', kinds, '-l', 'app.kubernetes.io/managed-by=berth', '-o', 'name')
  return found.split('\n').filter(Boolean)
}

const card = () => window.page.getByRole('article', { name: context })
const field = (label: string): Locator => window.page.getByLabel(label, { exact: true })
const unfold = (title: string) => window.page.getByRole('button', { name: title }).click()
const createButton = () => window.page.getByRole('button', { name: 'Create workspace' })

/** On the page for new workspaces: a source, on the cluster. */
async function chooseCluster(source: string = TEST_IMAGES.debian): Promise<void> {
  await window.giveSource(source)
  await window.page.getByRole('combobox', { name: 'Target' }).click()
  await window.page.getByRole('option', { name: `${context} / ${namespace.name}` }).click()
  await window.page.getByRole('region', { name: `Room in ${namespace.name}` }).waitFor()
}

async function browse(url: string): Promise<string> {
  const browser = await launchBrowser()
  try {
    const { page } = await openPage(browser, url, (shown) => shown.getByText('quay is up'))
    return await page.content()
  } finally {
    await browser.close()
  }
}

const server = `use IO::Socket::INET; $SIG{CHLD} = "IGNORE"; my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${PORT}, Listen => 50, ReuseAddr => 1) or die; print "lis", "tens\\n"; while (my $c = $s->accept) { next if fork; while (my $l = <$c>) { last if $l =~ /^\\r?\\n$/ } print $c "HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\nConnection: close\\r\\n\\r\\n<h1>quay is up</h1>"; exit }`

describe('a cluster', () => {
  it('is listed, with who one is there and what room there is', async () => {
    await window.go('Targets')
    await card().getByText('Ready', { exact: true }).waitFor()
    await card().getByText('500m of 500m left').waitFor()
    const text = await card().textContent()
    expect(text).toContain(`${context} / ${namespace.name}`)
    expect(text).toContain('Kubernetes 1.')
    expect(text).toContain(`as ${namespace.user}`)
  })

  it('has namespaces to choose from, as far as this identity may', async () => {
    await card().getByRole('button', { name: 'Namespaces…' }).click()
    const dialog = window.page.getByRole('dialog')
    await dialog.getByText(`"${namespace.user}" may not list or create namespaces`).waitFor()
    await dialog.getByRole('combobox', { name: 'Another namespace' }).fill('elsewhere')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    const row = dialog.getByRole('listitem').filter({ hasText: 'elsewhere' })
    await row.waitFor()
    await row.getByRole('button', { name: 'Take elsewhere away' }).click()
    await row.waitFor({ state: 'detached' })
    await window.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  it('says what is short before anything is made, and makes nothing', async () => {
    await chooseCluster()
    // The quota wants amounts to be said: the fields for it are open.
    await window.page.getByRole('alert', { name: /wants to be told/ }).waitFor()
    await field('CPU, sure to get').fill('two')
    await window.page.getByText('Write an amount as Kubernetes does').waitFor()
    await field('CPU, sure to get').fill('2')
    await field('Memory, sure to get').fill('64Mi')
    const alert = window.page.getByRole('alert', { name: /does not fit/ })
    await alert.getByText(/CPU: 2 asked for, 500m of 500m left in the quota "team"/).waitFor()
    await alert.getByText(/Ask for less/).waitFor()
    expect(await createButton().isEnabled()).toBe(false)
    expect(await objects()).toEqual([])
  })

  it('gets a workspace with what was asked for, with a timeline that is true of a cluster', async () => {
    await field('Name').fill(NAME)
    await field('CPU, sure to get').fill('100m')
    await field('CPU, at most').fill('1')
    await field('Volume for source and home').fill('1Gi')
    await field('Storage class').fill('on-first-use')
    await unfold('Nodes, registry and labels')
    await field('Labels of your own').fill('team=tides')
    await window.page.getByRole('alert', { name: /does not fit/ }).waitFor({ state: 'detached' })
    await expect.poll(() => createButton().isEnabled()).toBe(true)
    await createButton().click()
    await window.steps().filter({ hasText: 'Making the volume and pod' }).waitFor()
    await window.waitForState('Running')
    const [pod] = (
      JSON.parse(await asAdmin('get', 'pod', '-l', 'team=tides', '-o', 'json')) as { items: Pod[] }
    ).items
    expect(pod?.spec.containers[0]?.resources).toEqual({
      requests: { cpu: '100m', memory: '64Mi' },
      limits: { cpu: '1' },
    })
    const claim = JSON.parse(await asAdmin('get', 'pvc', '-l', 'team=tides', '-o', 'json')) as {
      items: Claim[]
    }
    expect(claim.items[0]?.spec).toMatchObject({
      storageClassName: 'on-first-use',
      resources: { requests: { storage: '1Gi' } },
    })
  })

  it('has a terminal in it, and a port whose URL a browser opens', async () => {
    await window.openTerminal()
    await window.run('echo "$(hostname) $(pwd)" | tr a-z A-Z')
    await window.waitForText('/WORKSPACES/')
    await window.run(`perl -e '${server}'`)
    await window.waitForText('listens')
    await window.tab('Ports')
    const port = window.port(PORT)
    await port.getByText('Live', { exact: true }).waitFor()
    const url = ((await port.getByTitle(/^Open http/).getAttribute('title')) ?? '').replace('Open ', '')
    expect(url).toMatch(new RegExp(`^http://${PORT}-${NAME}\\.localhost:\\d+/$`))
    expect(await browse(url)).toContain('quay is up')
  })

  it('stops the workspace, keeping its home, and starts it again', async () => {
    await window.tab('Terminals')
    await window.press('Control+C')
    await window.run('echo precious > ~/precious && echo saved | tr a-z A-Z')
    await window.waitForText('SAVED')
    await window.page.getByRole('button', { name: 'Stop', exact: true }).click()
    await window.confirm('Stop')
    await window.waitForState('Stopped')
    expect((await objects()).filter((name) => name.startsWith('pod/'))).toEqual([])
    await window.page.getByRole('button', { name: 'Start', exact: true }).first().click()
    await window.waitForState('Running')
    await window.openTerminal()
    await window.run('cat ~/precious | tr a-z A-Z')
    await window.waitForText('PRECIOUS')
  })

  it('does not offer what this identity may not do, and names the right', async () => {
    const usual = await namespace.rules()
    const change = async (rules: readonly Rule[]) => {
      await namespace.setRules(rules)
      await window.go('Targets')
      await card()
        .getByRole('button', { name: /^Check .* again$/ })
        .click()
    }
    await change(
      usual.filter(({ resources }) => !resources.includes('pods/log') && !resources.includes('statefulsets')),
    )
    await card()
      .getByRole('alert')
      .getByText(/statefulsets/)
      .first()
      .waitFor()
    await change(usual.filter(({ resources }) => !resources.includes('pods/log')))
    await card()
      .getByRole('alert')
      .getByText(/may not get pods\/log/)
      .waitFor()
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await window.tab('Logs')
    const denied = window.page.getByRole('alert', { name: /Logs cannot be read/ })
    await denied.getByText(`"${namespace.user}" may not get pods/log.`).waitFor()
    await change(usual)
    await card().getByRole('alert').waitFor({ state: 'detached' })
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await denied.waitFor({ state: 'detached' })
  })

  it('says why a workspace fits no node, and leaves nothing of it', async () => {
    await chooseCluster()
    await field('Name').fill('nowhere')
    await field('CPU, sure to get').fill('10m')
    await field('Memory, sure to get').fill('16Mi')
    await unfold('Nodes, registry and labels')
    await field('Only nodes with these labels').fill('berth.test/no-such=node')
    await expect.poll(() => createButton().isEnabled()).toBe(true)
    const before = await objects()
    await createButton().click()
    const alert = window.page.getByRole('alert', { name: /No node/ })
    await alert.waitFor({ timeout: 60_000 })
    expect(await alert.textContent()).toMatch(/node selector|selector/i)
    expect(await objects()).toEqual(before)
    expect(await alert.getByRole('button', { name: 'Stop trying…' }).count(), 'nothing is left to stop').toBe(
      0,
    )
    await alert.getByRole('button', { name: 'Try again' }).waitFor()
    // Everything that was asked for is there to be changed.
    await window.page.getByRole('button', { name: 'Change it…' }).click()
    await window.page.getByRole('heading', { name: 'New workspace' }).waitFor()
    expect(await field('Name').inputValue()).toBe('nowhere')
    await unfold('Nodes, registry and labels')
    expect(await field('Only nodes with these labels').inputValue()).toBe('berth.test/no-such=node')
    await unfold('Resources')
    expect(await field('CPU, sure to get').inputValue()).toBe('10m')
  })

  it('says of a definition with a build where to say who builds it, and leads there', async () => {
    const folder = join(home.path, 'built')
    await mkdir(folder)
    await writeFile(join(folder, '.devcontainer.json'), '{"build": {"dockerfile": "Dockerfile"}}')
    await writeFile(join(folder, 'Dockerfile'), `FROM ${TEST_IMAGES.debian}\n`)
    await (await windowUser()).own(folder)
    await chooseCluster(folder)
    await window.page.getByText('Built from').waitFor()
    await window.page.getByLabel('Leave out what git ignores').check()
    await field('Name').fill('built')
    await field('CPU, sure to get').fill('10m')
    await field('Memory, sure to get').fill('16Mi')
    await expect.poll(() => createButton().isEnabled()).toBe(true)
    await createButton().click()
    const alert = window.page.getByRole('alert', { name: /builds no images/ })
    await alert.getByText(/--builder <target> --push-to/).waitFor()
    await alert.getByRole('button', { name: 'Open the settings' }).click()
    const images = window.page.getByRole('region', { name: 'Images for clusters' })
    const repository = images.getByRole('textbox', { name: 'Pushed to' })
    await repository.fill('registry.test/team/app:latest')
    await repository.press('Enter')
    await window.page
      .getByRole('alert')
      .getByText(/without a tag/)
      .waitFor()
    await repository.fill('registry.test/team/app')
    await repository.press('Enter')
    const saved = async () =>
      JSON.parse(await readFile(join(home.path, '.config/berth/settings.json'), 'utf8'))
    await expect
      .poll(async () => (await saved()).kubernetes?.build)
      .toEqual({ pushTo: 'registry.test/team/app' })
    await images.getByRole('combobox', { name: 'Built on' }).click()
    await window.page.getByRole('option', { name: 'In the cluster' }).click()
    await images.getByRole('textbox', { name: "The builder's image" }).waitFor()
    await expect.poll(async () => (await saved()).kubernetes?.build).toMatchObject({ builder: 'cluster' })
  })

  it('has nothing of the workspace once it was deleted', async () => {
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('button', { name: NAME }).click()
    await window.action('Delete…')
    await window.confirm('Delete for good')
    await window.page.getByText(`Deleted ${NAME}`).first().waitFor()
    expect(await objects()).toEqual([])
    expect((await asAdmin('get', 'pod,pvc', '-o', 'name')).trim()).toBe('')
  })
})

interface Pod {
  readonly spec: { readonly containers: readonly { readonly resources: object }[] }
}
interface Claim {
  readonly spec: object
}
