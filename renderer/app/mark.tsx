/** Berth's sign: a hull at its berth. Drawn in the current colour. */
export function Mark({ size = 20 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden>
      <path
        d="M4 4v10.5a5.5 5.5 0 0 0 5.5 5.5h5a5.5 5.5 0 0 0 5.5-5.5V4"
        stroke="currentColor"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
      <path
        d="M12 3.2c2.2 1.9 3.3 4.2 3.3 6.9V14a1.3 1.3 0 0 1-1.3 1.3h-4A1.3 1.3 0 0 1 8.7 14v-3.9c0-2.7 1.1-5 3.3-6.9Z"
        fill="currentColor"
      />
    </svg>
  )
}
