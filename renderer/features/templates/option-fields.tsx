import { Autocomplete, Select, Switch } from '@mantine/core'
import type { Template, TemplateOption, TemplateValues } from '#contract'
import { optionLabel } from './listed'
import styles from './templates.module.css'

interface OptionFieldsProps {
  readonly template: Template
  readonly options: TemplateValues
  readonly omit: readonly string[]
  readonly onOptions: (options: TemplateValues) => void
  readonly onOmit: (omit: readonly string[]) => void
}

/** A field for each choice that a template leaves, and a switch for each part that it can do without. */
export function OptionFields({ template, options, omit, onOptions, onOmit }: OptionFieldsProps) {
  const fields = Object.entries(template.options)
  return (
    <>
      {fields.map(([name, option]) => (
        <OptionField
          key={name}
          name={name}
          option={option}
          value={options[name] ?? option.default}
          onChange={(value) => onOptions({ ...options, [name]: value })}
        />
      ))}
      {template.optionalPaths.map((path) => (
        <Switch
          key={path}
          label={`With ${path.replace(/\/\*$/, '')}`}
          checked={!omit.includes(path)}
          onChange={(event) =>
            onOmit(event.currentTarget.checked ? omit.filter((one) => one !== path) : [...omit, path])
          }
        />
      ))}
      {fields.length + template.optionalPaths.length > 0 ? <hr className={styles.rule} /> : null}
    </>
  )
}

interface OptionFieldProps {
  readonly name: string
  readonly option: TemplateOption
  readonly value: string | boolean
  readonly onChange: (value: string | boolean) => void
}

function OptionField({ name, option, value, onChange }: OptionFieldProps) {
  const label = option.description.trim().replace(/[.:]$/, '') || optionLabel(name)
  if (option.type === 'boolean')
    return (
      <Switch
        label={label}
        checked={value === true}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    )
  const values = [...new Set(option.values)]
  if (!option.free)
    return (
      <Select
        label={label}
        data={values}
        value={String(value)}
        comboboxProps={{ withinPortal: true }}
        onChange={(chosen) => chosen !== null && onChange(chosen)}
      />
    )
  return (
    <Autocomplete label={label} data={values} value={String(value)} spellCheck={false} onChange={onChange} />
  )
}
