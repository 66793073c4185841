import { z } from 'zod'
import { Dotfiles } from './dotfiles'
import { IdlePolicy } from './idle'
import { ImageAliases } from './image-alias'
import { KubernetesNamespace, KubernetesOptions } from './kubernetes'
import { PolicySettings } from './policy'
import { TemplateSettings } from './template'

/** The user's preferences: all that Berth itself stores. Every field has a default, so `{}` is valid settings. */
export const Settings = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  /** Target for new workspaces; absent: the default of `docker` itself, else that of `kubectl`. */
  defaultTarget: z.string().optional(),
  /** Namespaces to work in, by Kubernetes context. A context that is not named here has the one of its kubeconfig. */
  kubernetesNamespaces: z.record(z.string(), z.array(KubernetesNamespace).min(1)).default({}),
  /** Image for a source that has no definition. */
  defaultImage: z.string().min(1).default('debian:bookworm'),
  /** Names that images are got by, in place of those that sources, definitions and Dockerfiles say. */
  imageAliases: ImageAliases.default({}),
  /** Leave out what git ignores where a folder is copied to its target. */
  respectGitignore: z.boolean().default(false),
  autoForward: z.boolean().default(true),
  /** Port of the URL router; 0 lets the system choose. If it is taken, another is used and said. */
  routerPort: z.number().int().min(0).max(65535).default(7080),
  terminal: z
    .strictObject({
      fontFamily: z.string().default(''),
      fontSize: z.number().int().min(6).max(40).default(13),
      scrollback: z.number().int().min(100).max(100_000).default(10_000),
      cursorBlink: z.boolean().default(true),
      copyOnSelect: z.boolean().default(false),
      /** Let the workspace keep new terminals, so that they outlive Berth. */
      keep: z.boolean().default(true),
    })
    .prefault({}),
  /** Ask before stop, rebuild and delete only when something would be lost. */
  confirm: z.enum(['always', 'when-lossy']).default('always'),
  /** What new workspaces ask of any cluster, unless they are told otherwise. */
  kubernetes: KubernetesOptions.prefault({}),
  /** When new workspaces are stopped by themselves; null: never. */
  idle: IdlePolicy.nullable().default(null),
  /** What the home of a new workspace gets; null: nothing. */
  dotfiles: Dotfiles.nullable().default(null),
  templates: TemplateSettings.prefault({}),
  /** Where a team's policies come from. */
  policy: PolicySettings.prefault({}),
})
export type Settings = z.infer<typeof Settings>

const { shape } = Settings

/**
 * Some of the settings, to be changed. Without the defaults of `Settings`: a field that is left out stays as it is.
 * `defaultTarget: undefined` goes back to the default of `docker` or `kubectl` itself.
 */
export const SettingsChange = z
  .strictObject({
    theme: shape.theme.unwrap(),
    defaultTarget: shape.defaultTarget,
    kubernetesNamespaces: shape.kubernetesNamespaces.unwrap(),
    defaultImage: shape.defaultImage.unwrap(),
    imageAliases: shape.imageAliases.unwrap(),
    respectGitignore: shape.respectGitignore.unwrap(),
    autoForward: shape.autoForward.unwrap(),
    routerPort: shape.routerPort.unwrap(),
    terminal: shape.terminal.unwrap(),
    confirm: shape.confirm.unwrap(),
    kubernetes: shape.kubernetes.unwrap(),
    idle: shape.idle.unwrap(),
    dotfiles: shape.dotfiles.unwrap(),
    templates: shape.templates.unwrap(),
    policy: shape.policy.unwrap(),
  })
  .partial()
export type SettingsChange = z.infer<typeof SettingsChange>
