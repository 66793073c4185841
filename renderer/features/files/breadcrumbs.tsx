import { IconChevronRight } from '@tabler/icons-react'
import styles from './files.module.css'
import { crumbsOf, shown } from './words'

interface BreadcrumbsProps {
  readonly path: string
  readonly onGo: (path: string) => void
}

/** The way to the folder in view; each part leads there. */
export function Breadcrumbs({ path, onGo }: BreadcrumbsProps) {
  const crumbs = crumbsOf(path)
  return (
    <nav aria-label="Folder" className={styles.crumbs}>
      <ol>
        {crumbs.map((crumb, index) => (
          <li key={crumb.path}>
            {index > 1 || (index === 1 && crumbs.length > 0) ? (
              <IconChevronRight size={12} aria-hidden />
            ) : null}
            <button
              type="button"
              aria-current={index === crumbs.length - 1 ? 'location' : undefined}
              title={shown(crumb.path)}
              onClick={() => onGo(crumb.path)}
            >
              {crumb.name === '/' ? 'Root' : shown(crumb.name)}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  )
}
