/** What a text has to look like, and what to say of one that does not. */
export interface Pattern {
  readonly pattern: RegExp
  readonly message: string
}

/** What may be typed for a cluster; without a schema, so that a form can ask as well. */
export const kubernetesPatterns = {
  /** resource.Quantity */
  quantity: {
    pattern: /^(?:\d+\.?\d*|\.\d+)(?:m|k|M|G|T|P|E|[KMGTPE]i|[eE][+-]?\d+)?$/,
    message: 'Write an amount as Kubernetes does: 500m, 2 or 4Gi.',
  },
  /** apimachinery, qualified names */
  labelKey: {
    pattern: /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
    message:
      'A key is 1 to 63 letters, digits, dashes, dots and underscores, perhaps with a domain and a slash before it.',
  },
  labelValue: {
    pattern: /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/,
    message:
      'A value has at most 63 letters, digits, dashes, dots and underscores; the first and last is a letter or digit.',
  },
  /** RFC 1123, DNS label */
  namespace: {
    pattern: /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/,
    message: 'Use 1 to 63 lower-case letters, digits and dashes; begin and end with a letter or digit.',
  },
} as const satisfies Record<string, Pattern>
