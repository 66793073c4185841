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
        d="M12 3.2c2.2 1.9 3.3 4.200 3.300 6.900V14a1.300 1.300 0 0 1-1.300 1.300h-4A1.300 1.300 0 0 1 8.700 14v-3.900c0-2.700 1.100-5 3.300-6.900Z"
        fill="currentColor"
      />
    </svg>
  )
}
