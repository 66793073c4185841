import { Button, Checkbox, Select, TextInput, UnstyledButton } from '@mantine/core'
import { IconBrandGit, IconChevronRight, IconFolder, IconFolderOpen, IconPackage } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import type { CreateInput, DataSource, IdlePolicy, Problem, Proposal, Source } from '#contract'
import { defaultTarget } from '#contract/default-target'
import { deniedProblem } from '#contract/denied'
import { callShell } from '../../lib/bridge'
import { giveGrants, grantsDraftOf, noAsks, noGrants, unfinishedSecrets } from '../../lib/build-grants'
import { formatSource, nameFault, targetText } from '../../lib/format'
import { useCollection, useSettings } from '../../lib/hooks'
import { IdleChoice } from '../../lib/idle-choice'
import { createWorkspace } from '../../lib/lifecycle'
import { NamespaceDialog } from '../../lib/namespace-dialog'
import { goBack, openWorkspace } from '../../lib/navigation'
import { notifyProblem } from '../../lib/notify'
import { mayHavePrebuilds } from '../../lib/prebuilds'
import { ProblemView } from '../../lib/problem-view'
import { useRoom } from '../../lib/room'
import { Page } from '../../ui/page'
import { BuildSection } from './build-section'
import { draftOf, readDraft } from './cluster-draft'
import { ClusterSection } from './cluster-section'
import styles from './create.module.css'
import { DataFrom, hasData } from './data-from'
import { faultLineOf, type Given } from './offer'
import { OfferPanel } from './offer-panel'
import { PreviewPanel } from './preview-panel'
import { hindrance } from './readiness'
import { RightsChoice, useRightsChoice } from './rights-choice'
import { giveSecrets, noSecrets, SecretsSection } from './secrets-section'
import { StarterChoice } from './starter-choice'
import { useTeamTargets } from './team-targets'
import { useCandidates, useParsed, usePreview } from './use-preview'

const sourceKinds: Record<Source['kind'], { label: string; Icon: typeof IconFolder }> = {
  git: { label: 'Git repository', Icon: IconBrandGit },
  folder: { label: 'Folder of this machine', Icon: IconFolder },
  image: { label: 'Image, without a source', Icon: IconPackage },
}

interface CreateViewProps {
  readonly initialText: string
  /** What was asked for before, to be changed. */
  readonly asked?: CreateInput | undefined
  /** Another way to begin. `onText` gives a definition to the source; absent where that has one, or there is none. */
  readonly templates?: (slot: {
    readonly onFolder: (folder: string) => void
    readonly onText: ((text: string) => void) | undefined
  }) => ReactNode
}

/** Makes a workspace: says what it is going to be before it is made. */
export function CreateView({ initialText, asked, templates }: CreateViewProps) {
  const [text, setText] = useState(initialText)
  useEffect(() => setText(initialText), [initialText])
  const [branch, setBranch] = useState('')
  const [name, setName] = useState(asked?.name ?? '')
  const [image, setImage] = useState(asked?.image ?? '')
  const [targetId, setTargetId] = useState(asked?.targetId ?? null)
  const [definitionPath, setDefinitionPath] = useState(asked?.definitionPath ?? null)
  const [given, setGiven] = useState<Given | undefined>(
    asked?.definitionText === undefined ? undefined : { text: asked.definitionText, isOpen: true },
  )
  const [proposal, setProposal] = useState<Proposal | undefined>()
  const [respectsGitignore, setRespectsGitignore] = useState<boolean | undefined>()
  const [starter, setStarter] = useState(asked?.starter)
  const [idle, setIdle] = useState<IdlePolicy | null | undefined>(asked?.idle)
  const [dataFrom, setDataFrom] = useState<DataSource | undefined>(asked?.dataFrom)
  const [grants, setGrants] = useState(() => grantsDraftOf(asked?.buildGrants))
  const [more, setMore] = useState(false)
  const [turn, setTurn] = useState(0)

  const targets = useCollection('targets')
  const settings = useSettings()
  const team = useTeamTargets(targets)
  const fallback =
    targets.find((target) => target.id === settings?.defaultTarget) ??
    team.preferred ??
    defaultTarget(targets)
  const target = targets.find((one) => one.id === targetId) ?? fallback
  const denied = deniedProblem(target, 'create')
  const cluster = target?.kind === 'kubernetes' ? target : undefined
  const [draft, setDraft] = useState(() => draftOf(asked?.kubernetes))
  const read = readDraft(draft)
  const [roomTurn, setRoomTurn] = useState(0)
  const room = useRoom(cluster?.state === 'ready' ? cluster.id : undefined, read.options, roomTurn)
  const [choosing, setChoosing] = useState(false)

  const parsed = useParsed(text, branch)
  const source = text.trim() === '' ? undefined : parsed.value?.source
  // What was typed for another source has no field here, and no say.
  const otherImage = source?.kind === 'image' ? '' : image.trim()
  const isCopied = source?.kind === 'folder' && target?.capabilities?.bindMounts === false
  const nameProblem = name === '' ? undefined : nameFault(name)
  const input: CreateInput | undefined = source && {
    source,
    ...(target ? { targetId: target.id } : {}),
    ...(otherImage ? { image: otherImage } : {}),
    ...(definitionPath ? { definitionPath } : {}),
    ...(given && source.kind !== 'image' ? { definitionText: given.text } : {}),
    ...(isCopied && respectsGitignore !== undefined ? { respectGitignore: respectsGitignore } : {}),
    ...(idle === undefined ? {} : { idle }),
  }
  // Asked again by itself when the target comes back, and when a prebuild has been made.
  const prebuilt = useCollection('operations').filter(
    ({ kind, state }) => kind === 'prebuild' && state === 'succeeded',
  ).length
  const preview = usePreview(input && { ...input, allowRights: true }, `${turn} ${target?.state} ${prebuilt}`)
  const rights = useRightsChoice(preview.value, asked?.allowRights === true, cluster !== undefined)
  // While it is asked again, what was offered stays in view.
  useEffect(() => {
    if (preview.value && given === undefined) setProposal(preview.value.proposal)
  }, [preview.value, given])
  const faulty = given !== undefined && preview.problem?.code.startsWith('definition-') === true
  const refused = (preview.value?.policy?.violations.length ?? 0) > 0
  const giveSource = (typed: string) => {
    setText(typed)
    setDefinitionPath(null)
    setGiven(undefined)
    setProposal(undefined)
    rights.reset()
    setSecrets(noSecrets)
    setStarter(undefined)
    setGrants(noGrants)
    setDataFrom(undefined)
  }
  const [secrets, setSecrets] = useState(noSecrets)
  const [creating, setCreating] = useState(false)
  const [refusal, setRefusal] = useState<Problem | undefined>()
  const definition = preview.value?.definition
  const builds = definition && (definition.build ?? definition.services.some(({ build }) => build))
  // Nobody has looked into every file that a build reads: more can be given to any.
  const asks = preview.value?.buildAsks ?? (builds && more ? noAsks : undefined)
  const hinders = hindrance({
    hasSource: input !== undefined,
    isReading: parsed.busy,
    nameProblem,
    target,
    denied,
    hasFaults: cluster !== undefined && Object.keys(read.faults).length > 0,
    isShortOfRoom: cluster !== undefined && room.room?.problem !== undefined,
    faulty,
    refused,
    unfinished: asks ? unfinishedSecrets(asks, grants) : [],
  })
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!input || hinders !== undefined || parsed.busy || creating) return
    setCreating(true)
    const given = await giveSecrets(secrets, definition?.secrets ?? [], input.source)
    const allowed = asks ? await giveGrants(asks, grants) : { input: {} }
    const trouble = 'problem' in given ? given : 'problem' in allowed ? allowed : undefined
    if (trouble || !('input' in given) || !('input' in allowed)) {
      setCreating(false)
      setRefusal(trouble?.problem)
      return
    }
    const result = await createWorkspace({
      input: {
        ...input,
        ...given.input,
        ...allowed.input,
        ...(dataFrom && definition && hasData(definition) ? { dataFrom } : {}),
        ...(name ? { name } : {}),
        ...(rights.isAllowed ? { allowRights: true } : {}),
        ...(starter === undefined ? {} : { starter }),
        ...(cluster && read.options ? { kubernetes: read.options } : {}),
      },
      text: text.trim(),
    })
    setCreating(false)
    if (!result.ok) setRefusal(result.problem)
    else openWorkspace(result.value.workspaceId, 'terminals')
  }
  const chooseFolder = async () => {
    const result = await callShell('shell.chooseFolder', {})
    if (!result.ok) notifyProblem(result.problem)
    else if (result.value.path !== null) giveSource(result.value.path)
  }
  const kind = source && sourceKinds[source.kind]
  const candidates = useCandidates(source, preview)

  return (
    <Page title="New workspace" width="reading">
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <div>
          <div className={styles.source}>
            <TextInput
              className={styles.text}
              classNames={{ input: styles.textInput ?? '' }}
              label="Git URL, folder or image"
              placeholder="https://github.com/owner/repository"
              autoFocus
              spellCheck={false}
              autoComplete="off"
              value={text}
              onChange={(event) => giveSource(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === 'Escape') goBack()
              }}
            />
            <Button
              variant="default"
              size="md"
              className={styles.choose}
              leftSection={<IconFolderOpen size={16} />}
              onClick={() => void chooseFolder()}
            >
              Choose folder…
            </Button>
          </div>
          <div className={styles.read} role="status">
            {kind && source ? (
              <>
                <kind.Icon size={14} aria-hidden />
                <span className={styles.kind}>{kind.label}</span>
                <span className={styles.readSource} title={formatSource(source)}>
                  {formatSource(source)}
                  {parsed.value?.below ? `, the whole of it and not ${parsed.value.below} alone` : ''}
                </span>
              </>
            ) : text.trim() && parsed.problem ? (
              <span className={styles.fault}>
                {parsed.problem.cause} {parsed.problem.remedy}
              </span>
            ) : (
              'A git URL with #branch or @commit if you like, a folder of this machine, or the name of an image.'
            )}
          </div>
          {templates?.({
            onFolder: giveSource,
            onText:
              source && source.kind !== 'image' && preview.value?.candidates.length === 0
                ? (definition) => setGiven({ text: definition, isOpen: false })
                : undefined,
          })}
        </div>

        <div className={styles.fields}>
          <TextInput
            label="Name"
            placeholder={preview.value?.name ?? parsed.value?.name ?? 'From the source'}
            spellCheck={false}
            value={name}
            error={nameProblem}
            onChange={(event) => setName(event.currentTarget.value.toLowerCase().replaceAll(' ', '-'))}
          />
          <div className={styles.target}>
            <Select
              label="Target"
              value={target?.id ?? null}
              onChange={setTargetId}
              placeholder="No target"
              data={targets.map((one) => ({
                value: one.id,
                label: `${targetText(one)}${one.state === 'unreachable' ? ' (does not answer)' : team.reason(one)}`,
                disabled: team.reason(one) !== '',
              }))}
            />
            {cluster ? (
              <UnstyledButton className={styles.namespaces} onClick={() => setChoosing(true)}>
                Another namespace…
              </UnstyledButton>
            ) : null}
          </div>
        </div>

        {isCopied ? (
          <Checkbox
            label="Leave out what git ignores"
            description="The folder is copied to this target, with its .git."
            checked={respectsGitignore ?? settings?.respectGitignore ?? false}
            onChange={(event) => setRespectsGitignore(event.currentTarget.checked)}
          />
        ) : null}

        <div className={styles.fields} data-optional>
          {candidates.length > 1 ? (
            <Select
              label={`Definition, one of ${candidates.length}`}
              value={definitionPath ?? definition?.path ?? null}
              onChange={setDefinitionPath}
              allowDeselect={false}
              data={[...candidates]}
            />
          ) : null}
          {definition && hasData(definition) ? <DataFrom value={dataFrom} onChange={setDataFrom} /> : null}
          <StarterChoice projects={definition?.starterProjects} chosen={starter} onChange={setStarter} />
        </div>

        <div>
          <UnstyledButton className={styles.more} aria-expanded={more} onClick={() => setMore(!more)}>
            <IconChevronRight size={14} data-open={more || undefined} aria-hidden />
            More options
          </UnstyledButton>
          {more ? (
            <div className={styles.fields}>
              {source?.kind === 'image' ? null : (
                <>
                  {source === undefined || source.kind === 'git' ? (
                    <TextInput
                      label="Branch"
                      placeholder="The repository’s default"
                      spellCheck={false}
                      value={branch}
                      onChange={(event) => setBranch(event.currentTarget.value)}
                    />
                  ) : null}
                  <TextInput
                    label="Image"
                    placeholder="As the definition says"
                    spellCheck={false}
                    value={image}
                    onChange={(event) => setImage(event.currentTarget.value)}
                  />
                </>
              )}
              <IdleChoice
                label="Stop by itself"
                value={idle === undefined ? (settings?.idle ?? null) : idle}
                onChange={setIdle}
                kind={target?.kind}
              />
            </div>
          ) : null}
        </div>

        {cluster ? (
          <ClusterSection
            target={cluster}
            draft={draft}
            read={read}
            room={room}
            defaults={settings?.kubernetes ?? {}}
            onChange={(fields) => setDraft((now) => ({ ...now, ...fields }))}
            onRetry={() => setRoomTurn(roomTurn + 1)}
          />
        ) : null}
        {denied ? <ProblemView problem={denied} /> : null}
        {target?.state === 'unreachable' &&
        target.problem &&
        target.problem.code !== preview.problem?.code ? (
          <ProblemView problem={target.problem} tone="warning" />
        ) : null}
        {source && source.kind !== 'image' ? (
          <OfferPanel
            proposal={proposal}
            given={given}
            folder={source.kind === 'folder' ? source.path : undefined}
            problem={preview.problem}
            onChange={setGiven}
            onSaved={() => {
              setProposal(undefined)
              setTurn(turn + 1)
            }}
          />
        ) : null}
        {/* Told beside the text while that is open. */}
        {given?.isOpen && faultLineOf(preview.problem) !== undefined ? null : (
          <PreviewPanel
            source={source}
            preview={preview}
            imageOverride={otherImage}
            prebuild={
              source?.kind === 'git' && target && mayHavePrebuilds(target)
                ? {
                    source,
                    targetId: target.id,
                    ...(definitionPath ? { definitionPath } : {}),
                    ...(otherImage ? { image: otherImage } : {}),
                  }
                : undefined
            }
            onRetry={() => setTurn(turn + 1)}
          />
        )}
        {source && definition && definition.secrets.length > 0 ? (
          <SecretsSection asked={definition.secrets} source={source} draft={secrets} onChange={setSecrets} />
        ) : null}
        {asks ? <BuildSection asks={asks} draft={grants} onChange={setGrants} /> : null}
        <RightsChoice choice={rights} more={more} />
        {refusal ? <ProblemView problem={refusal} /> : null}
        <div className={styles.footer}>
          <span className={styles.hindrance} role="status">
            {hinders}
          </span>
          <Button variant="default" size="sm" onClick={goBack}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={creating} disabled={hinders !== undefined}>
            Create workspace
          </Button>
        </div>
      </form>
      {choosing && cluster ? (
        <NamespaceDialog
          target={cluster}
          onClose={() => setChoosing(false)}
          onAdded={(added) => {
            setTargetId(added)
            setChoosing(false)
          }}
        />
      ) : null}
    </Page>
  )
}
