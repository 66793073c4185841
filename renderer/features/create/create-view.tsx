import { Button, Checkbox, Select, TextInput, UnstyledButton } from '@mantine/core'
import { IconBrandGit, IconChevronRight, IconFolder, IconFolderOpen, IconPackage } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import type { CreateInput, IdlePolicy, Problem, Proposal, Source } from '#contract'
import { defaultTarget } from '#contract/default-target'
import { deniedProblem } from '#contract/denied'
import { callShell } from '../../lib/bridge'
import { formatSource, nameFault, targetText } from '../../lib/format'
import { useCollection, useSettings } from '../../lib/hooks'
import { IdleChoice } from '../../lib/idle-choice'
import { createWorkspace } from '../../lib/lifecycle'
import { NamespaceDialog } from '../../lib/namespace-dialog'
import { goBack, openWorkspace } from '../../lib/navigation'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { useRoom } from '../../lib/room'
import { Page } from '../../ui/page'
import { draftOf, readDraft } from './cluster-draft'
import { ClusterSection } from './cluster-section'
import styles from './create.module.css'
import { faultLineOf, type Given } from './offer'
import { OfferPanel } from './offer-panel'
import { PreviewPanel } from './preview-panel'
import { RightsChoice, useRightsChoice } from './rights-choice'
import { giveSecrets, noSecrets, SecretsSection } from './secrets-section'
import { StarterChoice } from './starter-choice'
import { useTeamTargets } from './team-targets'
import { useParsed, usePreview } from './use-preview'

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
  const unfit =
    cluster !== undefined && (Object.keys(read.faults).length > 0 || room.room?.problem !== undefined)

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
  // Asked again by itself when the target comes back.
  const preview = usePreview(input && { ...input, allowRights: true }, `${turn} ${target?.state}`)
  const rights = useRightsChoice(preview.value, asked?.allowRights === true)
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
  }
  const [secrets, setSecrets] = useState(noSecrets)
  const [creating, setCreating] = useState(false)
  const [refusal, setRefusal] = useState<Problem | undefined>()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (!input || nameProblem || parsed.busy || denied || unfit || faulty || refused) return
    setCreating(true)
    const given = await giveSecrets(secrets, preview.value?.definition.secrets ?? [], input.source)
    if ('problem' in given) {
      setCreating(false)
      setRefusal(given.problem)
      return
    }
    const result = await createWorkspace({
      input: {
        ...input,
        ...given.input,
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
  const candidates = preview.value?.candidates ?? []

  return (
    <Page title="New workspace" width="reading">
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <div>
          <div className={styles.source}>
            <TextInput
              className={styles.text}
              classNames={{ input: styles.textInput ?? '' }}
              aria-label="Git URL, folder or image"
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
          {candidates.length > 1 ? (
            <Select
              label="Definition"
              className={styles.definition}
              value={definitionPath ?? preview.value?.definition.path ?? null}
              onChange={setDefinitionPath}
              data={[...candidates]}
            />
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
        {source && preview.value && preview.value.definition.secrets.length > 0 ? (
          <SecretsSection
            asked={preview.value.definition.secrets}
            source={source}
            draft={secrets}
            onChange={setSecrets}
          />
        ) : null}
        {denied ? <ProblemView problem={denied} /> : null}
        {target?.state === 'unreachable' &&
        target.problem &&
        target.problem.code !== preview.problem?.code ? (
          <ProblemView problem={target.problem} tone="warning" />
        ) : null}
        {refusal ? <ProblemView problem={refusal} /> : null}
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
            onRetry={() => setTurn(turn + 1)}
          />
        )}
        <StarterChoice
          projects={preview.value?.definition.starterProjects}
          chosen={starter}
          onChange={setStarter}
        />
        <RightsChoice choice={rights} more={more} />
        <div className={styles.footer}>
          <Button variant="default" size="sm" onClick={goBack}>
            Cancel
          </Button>
          <Button
            type="submit"
            size="sm"
            loading={creating}
            disabled={
              !input ||
              nameProblem !== undefined ||
              !target ||
              denied !== undefined ||
              unfit ||
              faulty ||
              refused
            }
          >
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
